-- Repositories that were made before they have any file; afterwards the registry is the list.
CREATE TABLE hub_repo (
    repo_type TEXT NOT NULL,
    repo_id TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (repo_type, repo_id)
);
-- Git's name of small files, computed once. The key is the SHA-256 in Base64.
CREATE TABLE hub_git_oid (
    content_key TEXT PRIMARY KEY,
    git_oid TEXT NOT NULL
);
