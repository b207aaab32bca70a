"""The Markdown files of a Git repository -> documents. They are read from its objects: nothing is checked out.

The only user of dulwich.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from indexing.errors import BuildRefused
from indexing.model import Skipped
from indexing.sources import Checkpoint, Present
from indexing.sources.markdown_file import MAX_BYTES, Origin, is_wanted, read_markdown, too_large, web_address
from indexing.sources.path_filter import PathFilter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dulwich.client import GitClient
    from dulwich.objects import ObjectID, TreeEntry
    from dulwich.refs import Ref
    from dulwich.repo import Repo

    from indexing.sources import Change, Item

_READER = "git 1"
_TIMEOUT_S = 60.0  # of one answer of a server
_MOST_PACKS = 20  # fetches after which the cache is made anew
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GitRepository:
    """The Markdown files of one commit of a Git repository, in the order of their paths.

    Attributes:
        url: `https://`, `http://` or `ssh://` address, or the path of a local repository.
        cache: Folder for fetched objects; each address gets a folder of its own in it.
        ref: Branch, tag or full commit; empty takes the default branch.
        name: Stands in front of the path in `Document.id`.
        filter: Which files are read.
        base_url: Web address below which the files can be opened; by default made from an `https://` address the way
            GitLab does.
        token: Read token for `https://`.
        max_bytes: Size up to which a file is read.
    """

    url: str
    cache: Path
    ref: str = ""
    name: str = "docs"
    filter: PathFilter = field(default_factory=PathFilter)
    base_url: str = ""
    token: str = field(default="", repr=False)
    max_bytes: int = MAX_BYTES

    def items(self) -> Iterator[Item]:
        """Yield each document, and each file left out with the reason.

        Raises:
            BuildRefused: The repository or the ref cannot be read.
        """
        repository, commit = self._opened()
        with closing(repository):
            base = self.base_url or self._web_base()
            for entry in self._entries(repository, commit):
                yield self._item(repository, entry, base)

    @property
    def reader(self) -> str:
        """What a stored document depends on beside the repository's content."""
        chosen = (_without_credentials(self.url), self.ref, self.base_url, self.filter.paths, self.filter.exclude)
        return "; ".join(map(str, (_READER, *chosen)))

    def changes(self, cursor: Mapping[str, object] | None, *, sweep: bool) -> Iterator[Change]:  # noqa: ARG002 - below
        """Yield the files whose content is another than at the last checkpoint, then the complete list.

        Args:
            cursor: Of the last checkpoint, or None.
            sweep: Changes nothing: a commit lists all of its files.

        Raises:
            BuildRefused: The repository or the ref cannot be read.
        """
        known = (cursor or {}).get("files")
        before = known if isinstance(known, dict) else {}
        repository, commit = self._opened()
        with closing(repository):
            if before and (cursor or {}).get("commit") == commit.decode():
                yield Present(f"{self.name}/", frozenset(before))
                yield Checkpoint({"commit": commit.decode(), "files": before})
                return
            base, files = self.base_url or self._web_base(), {}
            for entry in self._entries(repository, commit):
                document = f"{self.name}/{entry.path.decode('utf-8', 'replace')}"
                files[document] = f"{entry.mode:o} {entry.sha.decode()}"
                if before.get(document) != files[document]:
                    yield self._item(repository, entry, base)
        yield Present(f"{self.name}/", frozenset(files))
        yield Checkpoint({"commit": commit.decode(), "files": files})

    def _item(self, repository: Repo, entry: TreeEntry, base: str) -> Item:
        path = entry.path.decode("utf-8", "replace")
        document = f"{self.name}/{path}"
        if not stat.S_ISREG(entry.mode):
            return Skipped(document, "a symbolic link: links are not followed")
        if ".." in path.split("/"):
            return Skipped(document, "outside of the repository")
        content = repository.object_store[entry.sha].as_raw_string()
        if len(content) > self.max_bytes:
            return too_large(document, len(content), self.max_bytes)
        url = web_address(base, path) if base else ""
        return read_markdown(content, Origin(self.name, path, url))

    def _entries(self, repository: Repo, commit: ObjectID) -> Iterator[TreeEntry]:
        from dulwich.object_store import iter_tree_contents  # noqa: PLC0415 - loaded only where a repository is read

        for entry in sorted(
            iter_tree_contents(repository.object_store, _tree_of(repository, commit)), key=lambda entry: entry.path
        ):
            path = entry.path.decode("utf-8", "replace")
            if is_wanted(path) and self.filter.takes(path):
                yield entry

    def _opened(self) -> tuple[Repo, ObjectID]:
        """Return the repository, fetched when it is not local, and the commit that is wanted."""
        from dulwich.errors import GitProtocolError, NotGitRepository  # noqa: PLC0415 - as above
        from urllib3.exceptions import HTTPError  # noqa: PLC0415 - dulwich lets these through

        shown = _without_credentials(self.url)
        try:
            return self._local() if "://" not in self.url else self._fetched()
        except NotGitRepository as error:
            raise BuildRefused(f"{shown} is no Git repository, or the token may not read it") from error
        except (GitProtocolError, HTTPError, OSError) as error:
            raise BuildRefused(f"the Git repository {shown} cannot be read now ({type(error).__name__})") from error

    def _local(self) -> tuple[Repo, ObjectID]:
        from dulwich.repo import Repo  # noqa: PLC0415 - as above

        repository = Repo(str(Path(self.url).resolve()))
        try:
            return repository, self._wanted(repository.get_refs())
        except BuildRefused:
            repository.close()
            raise

    def _fetched(self) -> tuple[Repo, ObjectID]:
        """Fetch the one commit that is wanted, unless it is there already."""
        from dulwich.repo import Repo  # noqa: PLC0415 - as above

        folder = self.cache / hashlib.sha256(self.url.encode()).hexdigest()[:16]
        if len(list(folder.glob("objects/pack/*.pack"))) > _MOST_PACKS:
            shutil.rmtree(folder)
        if not (folder / "HEAD").exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            Repo.init_bare(folder).close()

        def wants(refs: Mapping[Ref, ObjectID], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001 - its shape
            commit = self._wanted(refs)
            return [] if commit in repository.object_store else [commit]

        client, path = self._client()
        repository = Repo(str(folder))
        try:
            refs = client.fetch(path, repository, determine_wants=wants, depth=1).refs
            return repository, self._wanted({name: commit for name, commit in refs.items() if commit is not None})
        except BaseException:
            repository.close()
            raise
        finally:
            client.close()

    def _client(self) -> tuple[GitClient, str]:
        from dulwich.client import Urllib3HttpGitClient, get_transport_and_path  # noqa: PLC0415 - as above

        parts = urlsplit(self.url)
        if parts.scheme == "ssh":
            return get_transport_and_path(self.url, quiet=True)
        if parts.scheme not in {"https", "http"}:
            raise BuildRefused(f"{_without_credentials(self.url)}: only https, http, ssh and local paths are read")
        origin = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "/", "", ""))
        user, password = ("oauth2", self.token) if self.token else (parts.username, parts.password)
        client = Urllib3HttpGitClient(origin, username=user, password=password, timeout=_TIMEOUT_S, quiet=True)
        return client, parts.path

    def _wanted(self, refs: Mapping[Ref, ObjectID]) -> ObjectID:
        """Return the commit that the ref names.

        Raises:
            BuildRefused: There is no such ref.
        """
        from dulwich.objects import ObjectID  # noqa: PLC0415 - as above
        from dulwich.refs import Ref  # noqa: PLC0415 - as above

        if _COMMIT.fullmatch(self.ref):
            return ObjectID(self.ref.encode())
        names = [f"refs/heads/{self.ref}", f"refs/tags/{self.ref}", self.ref] if self.ref else ["HEAD"]
        for name in names:
            if commit := refs.get(Ref(name.encode())):
                return commit
        raise BuildRefused(
            f"{_without_credentials(self.url)} has no branch or tag {self.ref or 'HEAD'!r}: check the ref"
        )

    def _web_base(self) -> str:
        """Return the address below which GitLab shows the files; empty for other addresses."""
        if not self.url.startswith(("https://", "http://")):
            return ""
        plain = _without_credentials(self.url).rstrip("/").removesuffix(".git")
        return f"{plain}/-/blob/{quote(self.ref or 'HEAD', safe='/')}"


def _tree_of(repository: Repo, commit: ObjectID) -> ObjectID:
    from dulwich.objects import Commit, Tag  # noqa: PLC0415 - as above

    try:
        found = repository.object_store[commit]
        while isinstance(found, Tag):
            found = repository.object_store[found.object[1]]
    except KeyError as error:
        raise BuildRefused(f"commit {commit.decode()} is not in the repository: check the ref") from error
    if not isinstance(found, Commit):
        raise BuildRefused(f"{commit.decode()} is no commit: check the ref")
    tree: ObjectID = found.tree
    return tree


def _without_credentials(url: str) -> str:
    if "://" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
