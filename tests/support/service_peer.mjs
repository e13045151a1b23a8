// nats.js as the other side of services, for service_interop.test: one JSON object a line in, one a line out, as service_peer.py.
// NODE_SERVICES is the folder with node_modules.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const load = createRequire(join(process.env.NODE_SERVICES, "package.json"));
const { connect } = load("@nats-io/transport-node");
const { ServiceError, Svcm } = load("@nats-io/services");

let nc;
let service;

async function collect(answers, shown) {
  const found = [];
  for await (const answer of await answers) found.push(shown(answer));
  return found;
}

const operations = {
  async connect({ url }) {
    nc = await connect({ servers: url });
  },
  async serve({ name }) {
    service = await new Svcm(nc).add({ name, version: "1.2.3", description: "by nats.js" });
    const group = service.addGroup("js");
    group.addEndpoint("add", {
      metadata: { args: "a b" },
      handler: (error, message) => {
        const [one, other] = message.string().split(" ");
        message.respond(String(Number(one) + Number(other)));
      },
    });
    group.addEndpoint("refuse", { handler: (error, message) => message.respondError(403, "not you", "the data") });
    await nc.flush();
    return service.info().id;
  },
  ask({ verb, name }) {
    const client = new Svcm(nc).client();
    const head = (answer) => [answer.name, answer.version, answer.metadata ?? null];
    const wanted = name || undefined;
    if (verb === "PING") return collect(client.ping(wanted), head);
    if (verb === "INFO") {
      return collect(client.info(wanted), (answer) => [
        ...head(answer),
        answer.description,
        answer.endpoints.map((e) => [e.name, e.subject, e.queue_group, e.metadata]),
      ]);
    }
    return collect(client.stats(wanted), (answer) => [
      ...head(answer),
      answer.endpoints.map((e) => [e.name, e.subject, e.queue_group, e.num_requests, e.num_errors, e.last_error]),
    ]);
  },
  async call({ subject, value }) {
    const reply = await nc.request(subject, value, { timeout: 10_000 });
    const error = ServiceError.isServiceError(reply) ? ServiceError.toServiceError(reply) : null;
    return [reply.string(), error ? [error.code, error.message] : []];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  try {
    console.log(JSON.stringify({ ok: (await operations[command.op](command)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await nc?.close();
