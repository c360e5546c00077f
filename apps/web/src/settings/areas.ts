/** The settings' areas in their order; each is a page of its own below /settings. */
export const areaGroups = [
  {
    title: 'Assistant',
    areas: [
      { path: 'overview', title: 'Overview' },
      { path: 'model', title: 'Model' },
      { path: 'updates', title: 'Updates' },
      { path: 'logs', title: 'Logs' },
      { path: 'configuration', title: 'Configuration' },
    ],
  },
  {
    title: 'Yours',
    areas: [
      { path: 'machine', title: 'Machine' },
      { path: 'backups', title: 'Backups' },
      { path: 'devices', title: 'Devices' },
      { path: 'support', title: 'Support access' },
    ],
  },
  {
    title: 'Trust',
    areas: [
      { path: 'attest', title: 'What runs here' },
      { path: 'security', title: 'Security' },
    ],
  },
] as const;

export type Area = (typeof areaGroups)[number]['areas'][number]['path'];
/** Those that need no answer of the server itself. */
export const withoutServer: ReadonlySet<Area> = new Set(['overview', 'machine']);
export const areas = areaGroups.flatMap(({ areas: some }) => [...some]);
