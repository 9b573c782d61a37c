/**
 * The import rules of src/, which `npm run lint` checks: a folder imports only what its row allows, and no circle is left,
 * of types neither. docs/architecture.md has the same table with what each folder owns.
 */
const rows = {
  base: [],
  posix: ['base'],
  kernel: ['posix'],
  disk: ['kernel'],
  oci: ['disk'],
  stdio: ['disk'],
  state: ['oci', 'stdio'],
  shim: ['state'],
  runtime: ['state'],
  output: ['state'],
  diagnosis: ['shim'],
  container: ['runtime', 'shim', 'output'],
  monitor: ['container'],
  supervisor: ['monitor'],
};

/** A folder, what its row names, and all below those. */
const reach = (folder) => [...new Set([folder, ...rows[folder].flatMap(reach)])];

export default {
  forbidden: [
    { name: 'no-circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'only-posix-loads-the-addon',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/posix/' },
      to: { path: 'node_modules/bindings' },
    },
    {
      name: 'folders-only',
      comment: 'Every file but index.ts is in a folder that has a row here.',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/(index\\.ts|(${Object.keys(rows).join('|')}|cli)/)` },
    },
    {
      name: 'cli-imports-the-public-exports',
      comment: 'The command can do what any other program can: its row is the package itself.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^src/', pathNot: '^src/(cli/|index\\.ts$|posix/index\\.ts$)' },
    },
    {
      name: 'nothing-imports-the-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/|node_modules/commander' },
    },
    ...Object.keys(rows).map((folder) => ({
      name: `${folder}-imports-down`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^src/', pathNot: `^src/(${[...reach(folder), 'base'].join('|')})/` },
    })),
  ],
  options: {
    // Types count too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
