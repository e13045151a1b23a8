// nats.js as the other client of a stream; called as js_peer.py is. NATS_JS is the folder with node_modules.

import { createRequire } from "node:module";
import { join } from "node:path";

const load = createRequire(join(process.env.NATS_JS, "package.json"));
const { connect } = load("@nats-io/transport-node");
const { jetstream, jetstreamManager } = load("@nats-io/jetstream");

const hex = (text) => Buffer.from(text).toString("hex");

function shown(message) {
  const lines = [];
  for (const [name, values] of message.headers ?? []) {
    for (const value of values) {
      lines.push(`${name}: ${value}`);
    }
  }
  return [hex(message.subject), hex(lines.sort().join("\n")), Buffer.from(message.data).toString("hex")].join(":");
}

async function publish(js, subject, data, options) {
  try {
    const ack = await js.publish(subject, data, options);
    return `${ack.seq} ${Number(!!ack.duplicate)}`;
  } catch (error) {
    return `refused ${error.code ?? error.message}`;
  }
}

async function run(nc, operation, words) {
  const js = jetstream(nc);
  switch (operation) {
    case "read": {
      const [stream, count] = words;
      const consumer = await js.consumers.get(stream);
      const messages = [];
      for await (const message of await consumer.fetch({ max_messages: Number(count), expires: 10000 })) {
        messages.push(shown(message));
      }
      return messages.join(" ");
    }
    case "publish":
      return publish(js, words[0], words[1], words[2] ? { msgID: words[2] } : {});
    case "expect":
      return publish(js, words[0], words[1], { expect: { lastSequence: Number(words[2]) } });
    case "ttl":
      return publish(js, words[0], words[1], { ttl: `${words[2]}s` });
    case "take": {
      const consumer = await js.consumers.get(words[0], words[1]);
      const taken = [];
      const messages = await consumer.consume({ max_messages: 2 });
      for await (const message of messages) {
        await message.ackAck();
        taken.push(Buffer.from(message.data).toString("hex"));
        if (taken.length === Number(words[2])) {
          break;
        }
      }
      return taken.join(" ");
    }
  }
  throw new TypeError(operation);
}

const [url, ...operations] = process.argv.slice(2);
const nc = await connect({ servers: url });
for (const call of operations) {
  const [operation, ...words] = call.split("/");
  console.log(await run(nc, operation, words.map((word) => Buffer.from(word, "hex").toString())));
}
await nc.close();
