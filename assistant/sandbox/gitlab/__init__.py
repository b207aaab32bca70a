"""A local stand-in for GitLab: the REST calls that the assistant makes, over HTTP and SQLite, on loopback only.

It ships with the assistant because `assistant demo` needs a tracker; the tests use the same process. What it promises
and what no check covers stands in `docs/decisions/0004-gitlab-stand-in.md`.
"""
