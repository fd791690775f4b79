// Who may import whom (docs/design.md, "The rooms"). Each rule's comment is printed with the edge that broke it.

/** Rooms and what each may import, besides itself. */
const rooms = {
  contract: [],
  adapters: ["contract"],
  lint: [],
  embedded: ["contract"],
  engine: ["contract"],
  check: ["fleets/stored-jobs", "engine", "contract"],
  process: ["embedded", "engine", "contract"],
  client: ["process", "engine", "contract"],
  worker: ["process", "engine", "contract"],
  testing: ["client", "worker", "process", "engine", "contract"],
  brokers: ["contract"],
  fleets: ["brokers", "engine", "contract"],
  deploy: ["fleets/fleet", "engine", "contract"],
};

const forbidden = Object.entries(rooms).map(([room, below]) => ({
  name: `${room}-imports-downwards`,
  severity: "error",
  comment: `src/${room}/ may import ${below.length > 0 ? below.map((name) => `src/${name}/`).join(", ") : "no other room"}: imports run downwards, siblings do not know each other.`,
  from: { path: `^src/${room}/` },
  to: { path: "^src/", pathNot: `^src/(${[room, ...below].join("|")})(/|\\.ts$)` },
}));

module.exports = {
  forbidden: [
    ...forbidden,
    {
      name: "a-fleet-is-one-folder",
      severity: "error",
      comment: "Fleets know the ports (src/fleets/*.ts) and not each other.",
      from: { path: "^src/fleets/([^/]+)/" },
      to: { path: "^src/fleets/", pathNot: "^src/fleets/($1/|[^/]+\\.ts$)" },
    },
    {
      name: "the-fleet-ports-are-pure",
      severity: "error",
      comment: "The ports, src/fleets/*.ts, import nothing: whoever adds a fleet reads one file for each.",
      from: { path: "^src/fleets/[^/]+\\.ts$" },
      to: {},
    },
    {
      name: "nobody-imports-cli",
      severity: "error",
      comment: "src/cli/ parses, calls and prints; what another room wants of it belongs further down.",
      from: { path: "^src/(?!cli/)" },
      to: { path: "^src/cli/" },
    },
    {
      name: "nobody-imports-exports",
      severity: "error",
      comment: "src/exports/ is the public surface; inside, import the room itself.",
      from: { path: "^src/(?!exports/)" },
      to: { path: "^src/exports/" },
    },
    {
      name: "contract-is-pure",
      severity: "error",
      comment:
        "src/contract/ is pure: no I/O, no Node, so that a browser bundle or a web server can import a contract alone.",
      from: { path: "^src/contract/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "libraries-of-adapters",
      severity: "error",
      comment:
        "An optional peer is imported in its own adapter and nowhere else: whoever has not installed it must not need it.",
      from: { path: "^src/", pathNot: "^src/adapters/(sinclair-)?typebox\\.ts$" },
      to: { path: "^node_modules/(typebox|@sinclair/typebox)/" },
    },
    {
      name: "no-cycles",
      severity: "error",
      comment: "Two files that need each other are one subject, or a third is missing.",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-development-packages",
      severity: "error",
      comment: "src/ may use dependencies and optional peers, never a development package.",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["npm-peer", "type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default", "types"],
    },
  },
};
