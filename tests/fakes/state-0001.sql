BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE answers (
	id INTEGER NOT NULL, 
	question_id VARCHAR(16) NOT NULL, 
	decision_text_id INTEGER NOT NULL, 
	outcome VARCHAR(16) NOT NULL, 
	reason VARCHAR(64) NOT NULL, 
	score FLOAT NOT NULL, 
	confidence FLOAT, 
	index_version VARCHAR(255) NOT NULL, 
	answered_by VARCHAR(255) NOT NULL, 
	degraded VARCHAR(64) NOT NULL, 
	citations JSON NOT NULL, 
	passages JSON NOT NULL, 
	ranking JSON NOT NULL, 
	timings_ms JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(question_id) REFERENCES questions (id)
);
INSERT INTO "answers" VALUES(1,'jmms4z5z',2,'answered','',0.9,NULL,'v1','extractive','','[{"n": 1, "document": "docs/runner.md"}]','[{"n": 1, "chunk": "docs/runner.md#0", "score": 0.9}]','[{"document": "docs/runner.md", "kind": "page", "score": 0.9}]','{"total": 1.0}','2026-11-21 09:00:00.000000');
INSERT INTO "answers" VALUES(2,'m9decpex',5,'abstained','weak_evidence',0.1,NULL,'v1','extractive','','[]','[{"n": 1, "chunk": "docs/runner.md#0", "score": 0.9}]','[{"document": "docs/runner.md", "kind": "page", "score": 0.9}]','{"total": 1.0}','2026-11-21 09:00:00.000000');
INSERT INTO "answers" VALUES(3,'46d3w9da',8,'abstained','weak_evidence',0.1,NULL,'v1','extractive','','[]','[{"n": 1, "chunk": "docs/runner.md#0", "score": 0.9}]','[{"document": "docs/runner.md", "kind": "page", "score": 0.9}]','{"total": 1.0}','2026-11-21 09:00:00.000000');
INSERT INTO "answers" VALUES(4,'wjwceww9',13,'answered','',0.9,NULL,'v1','extractive','','[{"n": 1, "document": "docs/runner.md"}]','[{"n": 1, "chunk": "docs/runner.md#0", "score": 0.9}]','[{"document": "docs/runner.md", "kind": "page", "score": 0.9}]','{"total": 1.0}','2026-11-21 09:00:00.000000');
CREATE TABLE feedback (
	id INTEGER NOT NULL, 
	question_id VARCHAR(16) NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(question_id) REFERENCES questions (id)
);
INSERT INTO "feedback" VALUES(1,'jmms4z5z','solved','2026-11-21 09:00:00.000000');
CREATE TABLE links (
	question_id VARCHAR(16) NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	marker VARCHAR(255) NOT NULL, 
	awaiting BOOLEAN NOT NULL, 
	project VARCHAR(255), 
	iid INTEGER, 
	url TEXT, 
	created_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	PRIMARY KEY (question_id), 
	FOREIGN KEY(question_id) REFERENCES questions (id)
);
INSERT INTO "links" VALUES('m9decpex','waiting','assistant-ref: m9decpex.0000',0,NULL,NULL,NULL,'2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "links" VALUES('46d3w9da','opened','assistant-ref: 46d3w9da.0000',0,'platform/support',1,'https://gitlab.example/platform/support/-/issues/1','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
CREATE TABLE meta (
	"key" VARCHAR(128) NOT NULL, 
	value JSON NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE people (
	id INTEGER NOT NULL, 
	platform VARCHAR(32) NOT NULL, 
	handle VARCHAR(255) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT uq_people_handle UNIQUE (platform, handle)
);
INSERT INTO "people" VALUES(1,'test','ada','2026-11-21 09:00:00.000000');
CREATE TABLE questions (
	id VARCHAR(16) NOT NULL, 
	person_id INTEGER NOT NULL, 
	platform VARCHAR(32) NOT NULL, 
	conversation VARCHAR(255) NOT NULL, 
	thread VARCHAR(255) NOT NULL, 
	thread_url TEXT NOT NULL, 
	visibility VARCHAR(16) NOT NULL, 
	language VARCHAR(16) NOT NULL, 
	escalation VARCHAR(16) NOT NULL, 
	masked JSON NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	awaiting VARCHAR(16) NOT NULL, 
	rounds INTEGER NOT NULL, 
	changes INTEGER NOT NULL, 
	confirmed BOOLEAN NOT NULL, 
	asked_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES people (id)
);
INSERT INTO "questions" VALUES('jmms4z5z',1,'test','C1','register','','public','en','automatic','[]','solved','',0,2,0,'2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "questions" VALUES('m9decpex',1,'test','C1','unknown2','','public','en','automatic','[]','escalated','',0,1,0,'2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "questions" VALUES('46d3w9da',1,'test','C1','unknown','','public','en','automatic','[]','escalated','',0,1,0,'2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "questions" VALUES('wjwceww9',1,'test','C1','solved','','public','en','automatic','[]','answered','',0,1,0,'2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "questions" VALUES('ghyz5v7k',1,'test','C1','vague','','public','en','automatic','[]','asked','',0,0,0,'2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "questions" VALUES('2dbbmyf2',1,'test','C1','waiting','','public','en','automatic','[]','asked','',0,0,0,'2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
CREATE TABLE texts (
	id INTEGER NOT NULL, 
	person_id INTEGER NOT NULL, 
	question_id VARCHAR(16) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	body TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(person_id) REFERENCES people (id), 
	FOREIGN KEY(question_id) REFERENCES questions (id)
);
INSERT INTO "texts" VALUES(1,1,'jmms4z5z','question','register a runner','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(2,1,'jmms4z5z','decision','{"outcome":{"text":"Run `gitlab-runner register` [1].","citations":[{"n":1,"title":"Runner","url":"https://docs.example/runner","document":"docs/runner.md","quote":"gitlab-runner register"}],"score":0.9,"confidence":null},"retrieval":{"passages":[{"n":1,"chunk":{"document":"docs/runner.md","ordinal":0,"headings":["Runner","Register"],"text":"Run `gitlab-runner register`."},"score":0.9,"kind":"page","title":"Runner","url":"https://docs.example/runner","labels":[],"updated_at":"","confirmed":true,"audience":"public","closed_as":"","author":""}],"ranking":[{"document":"docs/runner.md","kind":"page","score":0.9,"chunk":"docs/runner.md#0","title":"","url":""}],"features":{},"index_version":"v1","lexical_only":false,"timings_ms":{}},"written_by":"extractive","degraded":"","timings_ms":{"total":1.0},"prompt":""}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(3,1,'jmms4z5z','message','{"kind":"answered","text":"These are quotations from the sources; no language model is set up.\n\nRun `gitlab-runner register` [1].\n\nDid this help? Say `solved` or `wrong`, or `people` to reach the support team.","citations":[{"n":1,"title":"Runner","url":"https://docs.example/runner","document":"docs/runner.md","quote":"gitlab-runner register"}],"issue":null,"issue_state":"","question_id":"jmms4z5z"}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(4,1,'m9decpex','question','unknown2 error 78','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(5,1,'m9decpex','decision','{"outcome":{"reason":"weak_evidence","score":0.1,"confidence":null,"suggested":null},"retrieval":{"passages":[{"n":1,"chunk":{"document":"docs/runner.md","ordinal":0,"headings":["Runner","Register"],"text":"Run `gitlab-runner register`."},"score":0.9,"kind":"page","title":"Runner","url":"https://docs.example/runner","labels":[],"updated_at":"","confirmed":true,"audience":"public","closed_as":"","author":""}],"ranking":[{"document":"docs/runner.md","kind":"page","score":0.9,"chunk":"docs/runner.md#0","title":"","url":""}],"features":{},"index_version":"v1","lexical_only":false,"timings_ms":{}},"written_by":"extractive","degraded":"","timings_ms":{"total":1.0},"prompt":""}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(6,1,'m9decpex','message','{"kind":"abstained","text":"I could not find an answer in the documentation or in solved issues. I am opening an issue for the support team.","citations":[],"issue":null,"issue_state":"waiting","question_id":"m9decpex"}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(7,1,'46d3w9da','question','unknown error 77','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(8,1,'46d3w9da','decision','{"outcome":{"reason":"weak_evidence","score":0.1,"confidence":null,"suggested":null},"retrieval":{"passages":[{"n":1,"chunk":{"document":"docs/runner.md","ordinal":0,"headings":["Runner","Register"],"text":"Run `gitlab-runner register`."},"score":0.9,"kind":"page","title":"Runner","url":"https://docs.example/runner","labels":[],"updated_at":"","confirmed":true,"audience":"public","closed_as":"","author":""}],"ranking":[{"document":"docs/runner.md","kind":"page","score":0.9,"chunk":"docs/runner.md#0","title":"","url":""}],"features":{},"index_version":"v1","lexical_only":false,"timings_ms":{}},"written_by":"extractive","degraded":"","timings_ms":{"total":1.0},"prompt":""}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(9,1,'46d3w9da','message','{"kind":"abstained","text":"I could not find an answer in the documentation or in solved issues. I am opening an issue for the support team.","citations":[],"issue":null,"issue_state":"waiting","question_id":"46d3w9da"}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(10,1,'wjwceww9','question','solved runner question','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(11,1,'46d3w9da','message','{"kind":"issue_opened","text":"I opened an issue for the support team: https://gitlab.example/platform/support/-/issues/1","citations":[],"issue":{"project":"platform/support","iid":1,"url":"https://gitlab.example/platform/support/-/issues/1","state":"opened"},"issue_state":"opened","question_id":"46d3w9da"}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(12,1,'ghyz5v7k','question','vague trouble','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(13,1,'wjwceww9','decision','{"outcome":{"text":"Run `gitlab-runner register` [1].","citations":[{"n":1,"title":"Runner","url":"https://docs.example/runner","document":"docs/runner.md","quote":"gitlab-runner register"}],"score":0.9,"confidence":null},"retrieval":{"passages":[{"n":1,"chunk":{"document":"docs/runner.md","ordinal":0,"headings":["Runner","Register"],"text":"Run `gitlab-runner register`."},"score":0.9,"kind":"page","title":"Runner","url":"https://docs.example/runner","labels":[],"updated_at":"","confirmed":true,"audience":"public","closed_as":"","author":""}],"ranking":[{"document":"docs/runner.md","kind":"page","score":0.9,"chunk":"docs/runner.md#0","title":"","url":""}],"features":{},"index_version":"v1","lexical_only":false,"timings_ms":{}},"written_by":"extractive","degraded":"","timings_ms":{"total":1.0},"prompt":""}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(14,1,'wjwceww9','message','{"kind":"answered","text":"These are quotations from the sources; no language model is set up.\n\nRun `gitlab-runner register` [1].\n\nDid this help? Say `solved` or `wrong`, or `people` to reach the support team.","citations":[{"n":1,"title":"Runner","url":"https://docs.example/runner","document":"docs/runner.md","quote":"gitlab-runner register"}],"issue":null,"issue_state":"","question_id":"wjwceww9"}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(15,1,'jmms4z5z','message','{"kind":"solved","text":"Thank you. Good to hear that it is solved.","citations":[],"issue":null,"issue_state":"","question_id":"jmms4z5z"}','2026-11-21 09:00:00.000000');
INSERT INTO "texts" VALUES(16,1,'2dbbmyf2','question','waiting for an answer','2026-11-21 09:00:00.000000');
CREATE TABLE work (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	"key" VARCHAR(512) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	lane VARCHAR(768) NOT NULL, 
	subject VARCHAR(64) NOT NULL, 
	payload JSON NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	due_at DATETIME, 
	attempts INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	fence INTEGER NOT NULL, 
	uncertain BOOLEAN NOT NULL, 
	first_attempt_at DATETIME, 
	lease_until DATETIME, 
	error TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	changed_at DATETIME NOT NULL, 
	UNIQUE ("key")
);
INSERT INTO "work" VALUES(1,'ask:test/C1/register a runner','ask','','jmms4z5z','{}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(2,'post:jmms4z5z:1:answered','post','post:test/C1/register','jmms4z5z','{"text": 3}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(3,'ask:test/C1/unknown2 error 78','ask','','m9decpex','{}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(4,'open_issue:m9decpex','open_issue','','m9decpex','{}','running',NULL,1,0,1,0,'2026-11-21 09:00:00.000000','2026-11-21 09:05:00.000000','','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(5,'post:m9decpex:1:abstained','post','post:test/C1/unknown2','m9decpex','{"text": 6}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(6,'ask:test/C1/unknown error 77','ask','','46d3w9da','{}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(7,'open_issue:46d3w9da','open_issue','','46d3w9da','{}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(8,'post:46d3w9da:1:abstained','post','post:test/C1/unknown','46d3w9da','{"text": 9}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(9,'ask:test/C1/solved runner question','ask','','wjwceww9','{}','done',NULL,1,0,1,0,'2026-11-21 09:00:00.000000',NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(10,'post:46d3w9da:1:issue_opened','post','post:test/C1/unknown','46d3w9da','{"text": 11}','ready',NULL,0,0,0,0,NULL,NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(11,'ask:test/C1/vague trouble','ask','','ghyz5v7k','{}','ready',NULL,0,0,0,0,NULL,NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(12,'post:wjwceww9:1:answered','post','post:test/C1/solved','wjwceww9','{"text": 14}','ready',NULL,0,0,0,0,NULL,NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(13,'post:jmms4z5z:2:solved','post','post:test/C1/register','jmms4z5z','{"text": 15}','ready',NULL,0,0,0,0,NULL,NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
INSERT INTO "work" VALUES(14,'ask:test/C1/waiting for an answer','ask','','2dbbmyf2','{}','ready',NULL,0,0,0,0,NULL,NULL,'','2026-11-21 09:00:00.000000','2026-11-21 09:00:00.000000');
CREATE INDEX ix_work_lane ON work (lane, state);
CREATE INDEX ix_work_state ON work (state, kind, due_at);
CREATE INDEX ix_work_subject ON work (subject);
CREATE INDEX ix_questions_asked ON questions (asked_at);
CREATE INDEX ix_questions_person ON questions (person_id);
CREATE INDEX ix_answers_question ON answers (question_id);
CREATE INDEX ix_feedback_question ON feedback (question_id);
CREATE INDEX ix_links_issue ON links (project, iid);
CREATE INDEX ix_texts_created ON texts (created_at);
CREATE INDEX ix_texts_person ON texts (person_id);
CREATE INDEX ix_texts_question ON texts (question_id, kind);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('work',14);
COMMIT;
