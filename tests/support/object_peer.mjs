// nats.js as the other client of a bucket of objects; called as object_peer.py is. NATS_JS is the folder with node_modules.

import { createRequire } from "node:module";
import { join } from "node:path";

const load = createRequire(join(process.env.NATS_JS, "package.json"));
const { connect } = load("@nats-io/transport-node");
const { Objm } = load("@nats-io/obj");

// NATS_BATCHED: objects go in fast batches.
const options = process.env.NATS_BATCHED ? { allowBatched: true } : {};
const hex = (text) => Buffer.from(text).toString("hex");
const shown = (info) => `${hex(info.name)} ${info.size ?? 0} ${info.chunks ?? 0} ${Number(!!info.deleted)} ${hex(info.description ?? "") || "-"}`;

async function run(objm, bucket, operation, ...words) {
  const text = words.map((word) => Buffer.from(word, "hex").toString());
  if (operation === "create") {
    await objm.create(bucket, options);
    return "made";
  }
  const store = await objm.open(bucket, options);
  switch (operation) {
    case "put":
      return shown(await store.putBlob({ name: text[0], description: "js" }, Buffer.from(words[1], "hex")));
    case "big":
      return shown(await store.putBlob({ name: text[0] }, Uint8Array.from({ length: Number(text[1]) }, (_, i) => i % 251)));
    case "get": {
      const data = await store.getBlob(text[0]);
      return data === null ? "null" : Buffer.from(data).toString("hex") || "-";
    }
    case "size": {
      const data = await store.getBlob(text[0]);
      return String(data.length);
    }
    case "info": {
      const info = await store.info(text[0]);
      return info === null ? "null" : shown(info);
    }
    case "link":
      return shown(await store.link(text[0], await store.info(text[1])));
    case "link_bucket":
      return shown(await store.linkStore(text[0], await objm.open(text[1])));
    case "rename":
      await store.update(text[0], { name: text[1] });
      return "renamed";
    case "seal":
      await store.seal();
      return "sealed";
    case "watch": {
      // What is there belongs to the history, of which it tells nothing when there is none.
      const there = (await store.list()).length;
      const seen = [];
      if (there === 0) console.log("ready");
      for await (const info of await store.watch({ includeHistory: true })) {
        seen.push((info.deleted ? "-" : "") + hex(info.name));
        if (seen.length === there) console.log("ready");
        if (seen.length === Number(text[0])) break;
      }
      return seen.join(" ");
    }
    case "update":
      await store.update(text[0], { name: text[0], description: text[1] });
      return "updated";
    case "delete":
      await store.delete(text[0]);
      return "deleted";
    case "list":
      return (await store.list()).filter((info) => !info.deleted).map((info) => hex(info.name)).sort().join(" ");
  }
  throw new TypeError(operation);
}

const [url, bucket, ...operations] = process.argv.slice(2);
const nc = await connect({ servers: url });
const objm = new Objm(nc);
for (const words of operations) {
  try {
    console.log(await run(objm, bucket, ...words.split("/")));
  } catch (error) {
    console.log(error.name);
  }
}
await nc.close();
