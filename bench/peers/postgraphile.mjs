// PostGraphile 5 over one database, for comparison: the tenant comes in a header and goes into a bare setting.
import { createServer } from "node:http";
import { grafserv } from "grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const [connectionString, port] = process.argv.slice(2);

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString, schemas: ["app"], poolConfig: { max: 10 } })],
  gather: { pgJwtTypes: [] },
  grafast: {
    explain: false,
    context: (ctx) => ({ pgSettings: { "bench.tenant": ctx.node?.req?.headers["x-tenant"] ?? "" } }),
  },
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
};

const server = createServer();
const instance = postgraphile(preset);
await instance.createServ(grafserv).addTo(server);
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
