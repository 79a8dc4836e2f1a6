// Calls every operation with openapi-fetch and the types that openapi-typescript generated.
import createClient from "openapi-fetch";
// @ts-ignore: the types of Node are no dependency of this test
import { readFileSync } from "node:fs";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

const [, , baseUrl, token] = process.argv;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const called: string[] = [];

function call<T>(name: string, answer: T): T {
  called.push(name);
  return answer;
}

function form(fields: Record<string, string>, name: string): FormData {
  const data = new FormData();
  for (const [field, value] of Object.entries(fields)) data.append(field, value);
  data.append("file", new Blob([readFileSync(name)]), name);
  return data;
}

// openapi-fetch takes the body as the schema describes it; the serializer makes a form of it
const sent = (data: FormData) => ({ body: { file: "" }, bodySerializer: () => data });
const pause = () => new Promise((resolve) => setTimeout(resolve, 100));

async function settled(id: string): Promise<components["schemas"]["Document"]> {
  for (;;) {
    const { data } = await call("getDocument", client.GET("/documents/{id}", { params: { path: { id } } }));
    if (data && data.status !== "waiting" && data.status !== "reading") return data;
    await pause();
  }
}

const health = await call("getHealth", client.GET("/healthz"));
if (health.data?.status !== "ok") throw new Error("health");
const predicted = await call("predict", client.POST("/predict", sent(form({}, "scan.png"))));
const fields = { pages: "2-", outputs: "text" };
const accepted = await call("uploadFiles", client.POST("/upload", sent(form(fields, "book.pdf"))));
const upload = accepted.data!.documents[0];
const of = { params: { path: { id: upload.id } } };
const document = await settled(upload.id);
const text = await call("getText", client.GET("/documents/{id}/text", { ...of, parseAs: "text" }));
const markdown = await call("getMarkdown", client.GET("/documents/{id}/markdown", { ...of, parseAs: "text" }));
const corrected = await call("getCorrections", client.GET("/documents/{id}/corrections", of));
const name = document.outputs.find((each) => each.kind === "text")!.name;
const output = await call("getOutput", client.GET("/documents/{id}/outputs/{name}", {
  params: { path: { id: upload.id, name } }, parseAs: "text",
}));
const image = await call("getPageImage", client.GET("/documents/{id}/pages/{number}/image", {
  params: { path: { id: upload.id, number: 2 } }, parseAs: "arrayBuffer",
}));
if (image.response.status !== 200) throw new Error("image");
const listed = await call("listDocuments", client.GET("/documents", { params: { query: { query: "third" } } }));
if (!listed.data?.documents.some((each) => each.id === upload.id)) throw new Error("list");
for (;;) {
  const original = await call("getOriginal", client.GET("/documents/{id}/original", { ...of, parseAs: "arrayBuffer" }));
  if (original.response.status === 200) break;
  await pause();
}
const bad = await call("uploadFiles", client.POST("/upload", sent(form({}, "cut.png"))));
const failed = await settled(bad.data!.documents[0].id);
if (failed.status !== "failed") throw new Error(failed.status);
const retried = await call("retryDocument", client.POST("/documents/{id}/retry", { params: { path: { id: failed.id } } }));
for (;;) {
  const { response } = await call("deleteResult", client.DELETE("/documents/{id}", of));
  if (response.status !== 409) break;
  await pause();
}
const deleted = await call("getDocument", client.GET("/documents/{id}", of));
const refused = await call("uploadFiles", client.POST("/upload", sent(form({ profil: "default" }, "scan.png"))));

console.log(JSON.stringify({
  called,
  corrections: corrected.data!.corrections.map((each) => each.text),
  predicted: predicted.data?.text,
  pages: document.pages?.map((page) => page.number),
  name: upload.name,
  text: text.data,
  markdown: markdown.data,
  output: output.data,
  misspelled: refused.error?.error_class,
  deleted: deleted.response.status,
  retried: retried.response.status,
}));
