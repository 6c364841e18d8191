"""Nodes, pods, jobs and queues of Kubernetes, its evictions and its own permissions, through the official client."""
