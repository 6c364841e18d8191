"""The text of `crashcart policy init`: a policy that works at once, commented so that a site can tighten it."""

from __future__ import annotations

from crashcart.backends.text import user_name

_TEXT = """\
# Who may do what with Crashcart. Without this file nothing may be done.
# It is a guard rail in front of Slurm, sudo and SSH, which really enforce: keep their permissions tight as well.
# The file must belong to root or to the one who runs Crashcart, and nobody else may be able to write it.
version = 1
default = "deny"          # what no role allows is refused; no other value is accepted

[limits]                  # a ceiling for all roles
max_targets = 16          # targets of one action
max_partition_pct = 20    # share of a partition that one drain or reboot of several nodes may take
per_hour = 120            # targets acted on within an hour, counted over this audit log
max_silence_hours = 24    # how long one silence may last; it can be extended

[verb.reboot]
risk = "high"             # built in as "critical", which asks for a second person; "high" asks to type the node's name

[confirm]                 # what to type, by risk and by size; the stronger one is asked for
low = "key"               # the letter y
medium = "type-name"      # the name of the target
high = "type-name"
critical = "second-person"
over_1 = "type-count"     # more than 1 target: type how many
over_16 = "second-person"

# Where a second person agrees: [approvals] directory in the configuration. Without signatures it counts only with this:
# [approvals]
# unverified = "allow"

# Who may do without a second person and in a freeze, under the id of an incident, for a bounded time and on record:
# [breakglass]
# roles = ["oncall"]
# verbs = ["drain", "reboot"]
# minutes = 60

# No changes while nobody is there to repair them:
# [[freeze]]
# name = "holidays"
# from = 2026-12-20T00:00:00Z
# to = 2027-01-03T00:00:00Z
# verbs = ["drain", "reboot", "cancel"]

[[role]]
name = "oncall"
# Scopes are CLUSTER/PARTITION/NAME; a star does not cross a slash, and "*" alone is everything.
allow = [{ verbs = ["*"], scope = "*" }]
# A deny wins over every allow:
deny = [{ verbs = ["*"], scope = "*/*/login*" }]

[[bind]]
role = "oncall"
users = ["NAME"]
# groups = ["unix:gpu-oncall"]
"""


def starter_policy(user: str) -> str:
    """A commented policy in which `user` is on call for every cluster. Raises BadIdentifier."""
    return _TEXT.replace('NAME"]', f'{user_name(user)}"]')
