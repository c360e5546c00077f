import { Trash2 } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Page } from '../app/shell.tsx';
import { Button } from '../design/button.tsx';
import { Card, CardHeader } from '../design/card.tsx';
import { CopyButton } from '../design/code-block.tsx';
import { money } from '../design/price-tag.tsx';
import { useConnection } from '../instance/connection.tsx';
import { DestroyDialog } from '../instance/destroy-dialog.tsx';
import { Fingerprint } from '../instance/encryption-badge.tsx';
import { ModelCard } from '../instance/model-card.tsx';
import { useThisInstance } from './server.tsx';

/** What an owner can set and see of a server, and how to be rid of it. */
export function ServerSettingsPage() {
  const instance = useThisInstance();
  const { channelState } = useConnection();
  const [destroying, setDestroying] = useState(false);
  return (
    <Page narrow>
      <div className="flex flex-col gap-6">
        {instance.state === 'ready' && <ModelCard />}
        <Card>
          <CardHeader title="Server" />
          <dl className="grid gap-x-8 gap-y-3.5 px-5 py-4 text-sm sm:grid-cols-2">
            <Fact term="Region">{instance.region}</Fact>
            <Fact term="Size">{instance.size}</Fact>
            <Fact term="Price">
              {instance.monthlyPrice !== null && instance.currency !== null
                ? `${money(instance.monthlyPrice, instance.currency)} a month`
                : 'not known yet'}
            </Fact>
            <Fact term="OpenClaw">{instance.openclawVersion ?? 'not registered yet'}</Fact>
            <Fact term="Agent">{instance.agentVersion ?? 'not registered yet'}</Fact>
            <Fact term="Id">
              <span className="inline-flex items-center gap-1 font-mono text-xs">
                <span className="break-all">{instance.id}</span>
                <CopyButton text={instance.id} label="Copy the id" />
              </span>
            </Fact>
          </dl>
        </Card>
        {channelState.status === 'open' && (
          <Card>
            <CardHeader
              title="Encryption"
              hint="Compare these with another device of yours to be sure nobody stands between."
            />
            <dl className="grid gap-4 px-5 py-4 sm:grid-cols-2">
              <Fingerprint
                term="Your server’s key"
                value={channelState.agentFingerprint}
                testId="settings-agent-fingerprint"
              />
              <Fingerprint
                term="This browser’s key"
                value={channelState.deviceFingerprint}
                testId="settings-device-fingerprint"
              />
            </dl>
          </Card>
        )}
        <Card>
          <div className="flex flex-wrap items-center justify-between gap-4 px-5 py-4">
            <div>
              <h2 className="font-semibold text-base">Destroy this server</h2>
              <p className="mt-0.5 max-w-[46ch] text-muted text-sm">
                Deletes the machine and everything made for it in your cloud account, and shows a receipt.
              </p>
            </div>
            <Button
              variant="critical-quiet"
              disabled={instance.state === 'destroying'}
              onClick={() => setDestroying(true)}
              data-testid="destroy-open"
            >
              <Trash2 size={15} aria-hidden /> Destroy
            </Button>
          </div>
        </Card>
      </div>
      <DestroyDialog open={destroying} instance={instance} onClose={() => setDestroying(false)} />
    </Page>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-faint text-xs">{term}</dt>
      <dd className="mt-0.5">{children}</dd>
    </div>
  );
}
