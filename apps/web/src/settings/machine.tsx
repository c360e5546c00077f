import { Callout } from '../design/callout.tsx';
import { FailureNotice } from '../instance/failure-notice.tsx';
import { useThisInstance } from '../pages/server.tsx';
import { CredentialCard } from './credential-card.tsx';
import { DriftCard } from './drift-card.tsx';
import { AreaPage } from './layout.tsx';
import { PowerCard } from './power-card.tsx';
import { ResizeCard } from './resize-card.tsx';

/** The machine as the cloud has it: its power, its size, whether it is as it was made, and who looks after it. */
export function MachineArea() {
  const instance = useThisInstance();
  const settled = instance.state === 'ready' || instance.state === 'stopped';
  return (
    <AreaPage
      title="Machine"
      hint="What your cloud does with it. The assistant on it has settings of its own."
    >
      {settled && instance.failure && <FailureNotice failure={instance.failure} tone="caution" />}
      {instance.state === 'failed' && (
        <Callout tone="caution" title="This server has failed">
          Its timeline says why. It can be destroyed, or looked after with another credential.
        </Callout>
      )}
      <PowerCard />
      <ResizeCard />
      <DriftCard />
      <CredentialCard />
    </AreaPage>
  );
}
