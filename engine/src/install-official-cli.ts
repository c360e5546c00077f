// Started as a process of its own by sources.ts: `install-official-cli.ts <root> <version>`.
import { PulumiCommand } from '@pulumi/pulumi/automation/index.js';
import { SemVer } from 'semver';

const [root, version] = process.argv.slice(2);
if (!root || !version) throw new Error('usage: install-official-cli.ts <root> <version>');
await PulumiCommand.install({ root, version: new SemVer(version) });
