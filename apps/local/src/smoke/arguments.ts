export interface SmokeOptions {
  cloud: string;
  machineUrl?: string;
  region?: string;
  size?: string;
  yes: boolean;
  json: boolean;
}

export const smokeUsage = `npm run smoke -- --cloud <cloud> [--machine-url <https://…>] [--region <id>] [--size <id>] [--yes] [--json]

Deploys the smallest recommended server into a cloud account of yours, chats with it once, destroys it and shows the
receipt. It shows the price and asks first, and deletes what it made however it ends.

  CLAW_SMOKE_TOKEN          the credential, where the cloud takes one secret (or CLAW_SMOKE_<FIELD> for each of its fields)
  --machine-url             where the new server reaches this computer: an https address of yours that is forwarded to
                            the dashboard's port here (CLAW_PORT, 4600); also MACHINE_URL
  OPENAI_API_KEY            or ANTHROPIC_API_KEY: the model that answers; without one the chat is left out
`;

const withValue = {
  '--cloud': 'cloud',
  '--machine-url': 'machineUrl',
  '--region': 'region',
  '--size': 'size',
} as const;

/** Reads the smoke's arguments; raises an error with the usage for what it doesn't know. */
export function parseSmokeArguments(argv: readonly string[]): SmokeOptions {
  const options: Partial<SmokeOptions> = {};
  const words = argv.flatMap((word) => {
    const at = word.startsWith('--') ? word.indexOf('=') : -1;
    return at < 0 ? [word] : [word.slice(0, at), word.slice(at + 1)];
  });
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '--yes' || word === '--json') options[word === '--yes' ? 'yes' : 'json'] = true;
    else if (Object.hasOwn(withValue, word)) {
      const value = words[at + 1];
      if (value === undefined || value.startsWith('--'))
        throw new Error(`${word} needs a value.\n\n${smokeUsage}`);
      options[withValue[word as keyof typeof withValue]] = value;
      at += 1;
    } else throw new Error(`'${word}' is not an option of the smoke test.\n\n${smokeUsage}`);
  }
  const { cloud, machineUrl } = options;
  if (cloud === undefined) throw new Error(`Name the cloud.\n\n${smokeUsage}`);
  if (machineUrl !== undefined && !/^https?:\/\/[^/]+$/.test(machineUrl.replace(/\/+$/, '')))
    throw new Error('--machine-url must be an origin such as https://claw.example.org, without a path.');
  return {
    ...options,
    ...(machineUrl === undefined ? {} : { machineUrl: machineUrl.replace(/\/+$/, '') }),
    cloud,
    yes: options.yes ?? false,
    json: options.json ?? false,
  };
}
