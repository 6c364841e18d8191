"""The command line: the same store, filter, Runner, policy and audit log as the cockpit, without its screen."""
