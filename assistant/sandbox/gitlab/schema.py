"""Tables of the stand-in and where their ids start."""

from __future__ import annotations

TABLES = """
CREATE TABLE IF NOT EXISTS users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL,
  email TEXT NOT NULL, bot INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'active', created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL REFERENCES users(id), name TEXT NOT NULL,
  digest TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT,
  revoked INTEGER NOT NULL DEFAULT 0, last_used_at TEXT);
CREATE TABLE IF NOT EXISTS projects (
  id INTEGER PRIMARY KEY AUTOINCREMENT, full_path TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL,
  description TEXT, visibility TEXT NOT NULL DEFAULT 'private', default_branch TEXT NOT NULL DEFAULT 'main',
  repository TEXT, last_iid INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, last_activity_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS members (
  project_id INTEGER NOT NULL REFERENCES projects(id), user_id INTEGER NOT NULL REFERENCES users(id),
  access_level INTEGER NOT NULL, created_at TEXT NOT NULL, PRIMARY KEY (project_id, user_id));
CREATE TABLE IF NOT EXISTS labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id),
  name TEXT NOT NULL, color TEXT NOT NULL, description TEXT, priority INTEGER, UNIQUE (project_id, name));
CREATE TABLE IF NOT EXISTS milestones (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id), iid INTEGER NOT NULL,
  title TEXT NOT NULL, description TEXT, state TEXT NOT NULL DEFAULT 'active', created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, due_date TEXT, start_date TEXT, UNIQUE (project_id, iid), UNIQUE (project_id, title));
CREATE TABLE IF NOT EXISTS issues (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id), iid INTEGER NOT NULL,
  title TEXT NOT NULL, description TEXT, state TEXT NOT NULL DEFAULT 'opened', confidential INTEGER NOT NULL DEFAULT 0,
  issue_type TEXT NOT NULL DEFAULT 'issue', author_id INTEGER NOT NULL REFERENCES users(id), created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, closed_at TEXT, closed_by_id INTEGER REFERENCES users(id), milestone_id INTEGER,
  due_date TEXT, weight INTEGER, discussion_locked INTEGER, UNIQUE (project_id, iid));
CREATE TABLE IF NOT EXISTS issue_labels (
  issue_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE,
  label_id INTEGER NOT NULL REFERENCES labels(id) ON DELETE CASCADE, PRIMARY KEY (issue_id, label_id));
CREATE TABLE IF NOT EXISTS issue_assignees (
  issue_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users(id), PRIMARY KEY (issue_id, user_id));
CREATE TABLE IF NOT EXISTS notes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE,
  author_id INTEGER NOT NULL REFERENCES users(id), body TEXT NOT NULL, system INTEGER NOT NULL DEFAULT 0,
  internal INTEGER NOT NULL DEFAULT 0, discussion_id TEXT NOT NULL, type TEXT, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS notes_by_issue ON notes (issue_id, created_at);
CREATE TABLE IF NOT EXISTS awards (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL REFERENCES users(id), name TEXT NOT NULL,
  awardable_type TEXT NOT NULL, awardable_id INTEGER NOT NULL, created_at TEXT NOT NULL,
  UNIQUE (user_id, name, awardable_type, awardable_id));
CREATE TABLE IF NOT EXISTS links (
  id INTEGER PRIMARY KEY AUTOINCREMENT, source_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE,
  target_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE, link_type TEXT NOT NULL,
  created_at TEXT NOT NULL, UNIQUE (source_id, target_id));
CREATE TABLE IF NOT EXISTS state_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users(id), state TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS label_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users(id), label_id INTEGER, action TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wikis (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id), slug TEXT NOT NULL,
  title TEXT NOT NULL, content TEXT NOT NULL, format TEXT NOT NULL DEFAULT 'markdown', UNIQUE (project_id, slug));
CREATE TABLE IF NOT EXISTS uploads (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id),
  secret TEXT NOT NULL UNIQUE,
  filename TEXT NOT NULL, content BLOB NOT NULL, uploaded_by_id INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS merge_requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id), iid INTEGER NOT NULL,
  title TEXT NOT NULL, state TEXT NOT NULL, author_id INTEGER NOT NULL REFERENCES users(id), created_at TEXT NOT NULL,
  UNIQUE (project_id, iid));
CREATE TABLE IF NOT EXISTS merge_request_issues (
  merge_request_id INTEGER NOT NULL REFERENCES merge_requests(id),
  issue_id INTEGER NOT NULL REFERENCES issues(id) ON DELETE CASCADE, closes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS hooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES projects(id), url TEXT NOT NULL,
  token TEXT, signing_token TEXT, events TEXT NOT NULL, created_at TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS hook_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, hook_id INTEGER NOT NULL REFERENCES hooks(id) ON DELETE CASCADE,
  trigger TEXT NOT NULL, event TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS mentions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, place TEXT NOT NULL, kind TEXT NOT NULL,
  text TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS quick_actions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, place TEXT NOT NULL, command TEXT NOT NULL,
  argument TEXT, executed INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS unknown_parameters (
  id INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, route TEXT NOT NULL, name TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
  username TEXT, created_at TEXT NOT NULL);
"""

LATER_COLUMNS = (
    ("projects", "archived", "INTEGER NOT NULL DEFAULT 0"),
    ("issues", "moved_to_id", "INTEGER"),
    ("issues", "duplicate_of_id", "INTEGER"),
)
"""Columns that files of an earlier version lack."""

FIRST_IDS = {
    "users": 2000,
    "tokens": 3000,
    "projects": 4000,
    "labels": 5000,
    "milestones": 6000,
    "issues": 100_000,
    "notes": 200_000,
    "awards": 300_000,
    "links": 310_000,
    "state_events": 320_000,
    "label_events": 330_000,
    "uploads": 340_000,
    "merge_requests": 350_000,
    "hooks": 360_000,
}
"""First global id per table: far from the iids, and apart from each other, so that a mixed-up id is a 404."""
