// A second client, written by other people, does what the assistant does and prints what it saw as one JSON line.
import process from "node:process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules] = process.argv.slice(2);
const find = createRequire(`${modules}/package.json`);
const { Gitlab } = await import(pathToFileURL(find.resolve("@gitbeaker/rest")).href);

const { GITLAB_URL: host, GITLAB_TOKEN: token, GITLAB_PROJECT: project } = process.env;
const api = new Gitlab({ host, token });

const opened = await api.Issues.create(project, "Opened by a second client", {
  description: "Some text",
  labels: "second-client",
});
const note = await api.IssueNotes.create(project, opened.iid, "A comment");
const thread = await api.IssueDiscussions.create(project, opened.iid, "A thread");
const closed = await api.Issues.edit(project, opened.iid, { stateEvent: "close" });
for (let count = 0; count < 3; count += 1) await api.Issues.create(project, `One of many ${count}`);
const everyIssue = await api.Issues.all({ projectId: project, perPage: 2, pagination: "offset" });
const byKeyset = await api.Issues.all({ projectId: project, perPage: 2, pagination: "keyset", orderBy: "updated_at" });
const labels = await api.ProjectLabels.all(project);
let refusal = 0;
try {
  await api.Issues.show(99999999, { projectId: project });
} catch (error) {
  refusal = error.cause?.response?.status ?? -1;
}
console.log(JSON.stringify({
  iid: opened.iid,
  labels: opened.labels,
  note: note.id,
  thread: thread.notes.length,
  state: closed.state,
  offset: everyIssue.length,
  keyset: byKeyset.length,
  labelNames: labels.map((label) => label.name),
  refusal,
}));
