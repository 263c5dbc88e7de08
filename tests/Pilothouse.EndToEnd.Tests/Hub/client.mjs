// What people do with @huggingface/hub, against a server of ours; prints what came of it as JSON.
import { createRepo, uploadFiles, listFiles, downloadFile, fileExists, modelInfo, listModels, listCommits, pathsInfo, repoExists, snapshotDownload, deleteFiles, commit, whoAmI, datasetInfo, checkRepoAccess } from "@huggingface/hub";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

const [hubUrl, folder, cacheDir] = process.argv.slice(2);
const at = { hubUrl, accessToken: "hf_anything" };
const repo = { type: "model", name: "team/tiny" };
const out = {};

out.me = (await whoAmI(at)).name;
out.before = await repoExists({ ...at, repo });
out.created = (await createRepo({ ...at, repo, license: "mit" })).id;
const names = (await readdir(folder)).sort();
const files = await Promise.all(names.map(async (path) => ({ path, content: new Blob([await readFile(join(folder, path))]) })));
const uploaded = await uploadFiles({ ...at, repo, files, commitTitle: "First weights" });
out.commit = uploaded.commit.oid;
out.listed = [];
for await (const file of listFiles({ ...at, repo, recursive: true })) out.listed.push([file.path, file.size, file.oid, file.lfs?.oid ?? null]);
out.card = await (await downloadFile({ ...at, repo, path: "README.md" })).text();
const large = await downloadFile({ ...at, repo, path: "large.bin", revision: out.commit });
out.large = large.size;
out.tail = [...new Uint8Array(await large.slice(large.size - 4, large.size).arrayBuffer())];
out.missing = await downloadFile({ ...at, repo, path: "no-such-file" });
out.exists = [await fileExists({ ...at, repo, path: "config.json" }), await fileExists({ ...at, repo, path: "nothing" })];
const info = await modelInfo({ ...at, name: repo.name, additionalFields: ["sha", "safetensors", "tags", "cardData", "library_name"] });
out.info = { name: info.name, task: info.task, sha: info.sha, safetensors: info.safetensors, license: info.cardData.license, library: info.library_name };
out.paths = (await pathsInfo({ ...at, repo, paths: ["config.json", "large.bin"], expand: true })).map((p) => [p.path, p.lastCommit.title]);
out.models = [];
for await (const model of listModels({ ...at, search: { owner: "team" }, limit: 10 })) out.models.push(model.name);
const snapshot = await snapshotDownload({ ...at, repo, cacheDir });
out.snapshot = (await readdir(snapshot)).sort();
out.same = (await Promise.all(names.map(async (name) => Buffer.compare(await readFile(join(folder, name)), await readFile(join(snapshot, name)))))).every((c) => c === 0);
out.deleted = (await deleteFiles({ ...at, repo, paths: ["large.bin"], commitTitle: "Without the large one" })).commit.oid;
try {
  await commit({ ...at, repo, title: "Late", parentCommit: out.commit, operations: [{ operation: "addOrUpdate", path: "late.txt", content: new Blob(["x"]) }] });
} catch (error) {
  out.stale = [error.statusCode, error.message.slice(0, 28)];
}
out.history = [];
for await (const entry of listCommits({ ...at, repo })) out.history.push(entry.title);
try {
  await checkRepoAccess({ ...at, repo: { type: "model", name: "nobody/nothing" } });
} catch (error) {
  out.nobody = error.statusCode;
}
const data = { type: "dataset", name: "team/faq" };
await createRepo({ ...at, repo: data });
await uploadFiles({ ...at, repo: data, files: [{ path: "data/train.jsonl", content: new Blob(['{"q":"a"}\n{"q":"b"}\n']) }, { path: "data/test.jsonl", content: new Blob(['{"q":"c"}\n']) }] });
out.dataset = (await datasetInfo({ ...at, name: "team/faq", additionalFields: ["sha"] })).name;
out.rows = await (await downloadFile({ ...at, repo: data, path: "data/test.jsonl" })).text();
console.log(JSON.stringify(out));
