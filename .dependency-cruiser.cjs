/**
 * The rooms of src-main and the only arrows between them (docs/architecture.md).
 * `mayImport` lists every room that a room may reach besides itself; anything else is an error.
 */
const mayImport = {
  shell: ['app', 'base'],
  cli: ['app', 'api/contract', 'base'],
  app: ['api', 'domain', 'netboot', 'lab', 'store', 'protocol', 'base'],
  api: ['domain', 'netboot', 'store', 'protocol', 'base'],
  domain: ['netboot', 'store', 'protocol', 'base'],
  netboot: ['protocol', 'base'],
  store: ['protocol', 'base'],
  lab: ['protocol', 'base'],
  protocol: ['base'],
  base: [],
};

const roomRules = Object.entries(mayImport).map(([room, allowed]) => ({
  name: `arrow-${room}`,
  comment: `${room} may import ${allowed.join(', ') || 'nothing'} besides itself`,
  severity: 'error',
  from: { path: `^src-main/${room}/` },
  to: { path: '^src-', pathNot: [room, ...allowed].map((r) => `^src-main/${r}/`) },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'renderer-sees-only-the-contract',
      severity: 'error',
      from: { path: '^src-renderer/' },
      to: { path: '^src-main/', pathNot: '^src-main/api/contract/' },
    },
    {
      name: 'contract-is-plain-types',
      comment: 'the contract is shared with the renderer, so it pulls in nothing of the controller',
      severity: 'error',
      from: { path: '^src-main/api/contract/' },
      to: { path: '^src-main/', pathNot: '^src-main/api/contract/' },
    },
    {
      name: 'electron-only-in-shell',
      severity: 'error',
      from: { path: '^src-', pathNot: '^src-main/shell/' },
      to: { path: '^(electron|node_modules/electron/)' },
    },
    {
      name: 'codecs-do-no-io',
      comment: 'protocol/ holds pure codecs: bytes in, values out',
      severity: 'error',
      from: { path: '^src-main/protocol/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|crypto)$' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'tests-stay-tests',
      comment: 'product code never imports a test, its helpers or test/',
      severity: 'error',
      from: { path: '^src-', pathNot: '\\.(test|suite)\\.tsx?$' },
      to: { path: '(\\.(test|suite)\\.tsx?$|^test/)' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
