import type { Credential } from '@claw-cloud/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { keys, useCloud } from '../app/data.ts';
import { useOwner } from '../app/session.tsx';
import { ConfirmDialog } from '../design/confirm-dialog.tsx';
import { useToast } from '../design/toast.tsx';
import { Said } from './said.tsx';

interface RemoveDialogProps {
  credential: Credential | null;
  onClose: () => void;
  onRemoved?: () => void;
}

/** Forgets a credential here, and says how to end it at the cloud too. */
export function RemoveDialog({ credential, onClose, onRemoved }: RemoveDialogProps) {
  const { api } = useOwner();
  const queries = useQueryClient();
  const toast = useToast();
  const cloud = useCloud(credential?.provider ?? '');
  const removal = useMutation({
    mutationFn: (id: string) => api.removeCredential(id),
    onSuccess: async () => {
      onClose();
      onRemoved?.();
      toast('The credential is removed here. Delete it at your cloud too.');
      await queries.invalidateQueries({ queryKey: keys.credentials, exact: true });
      await queries.invalidateQueries({ queryKey: keys.strays });
    },
  });
  const deleting = cloud?.methods.flatMap((method) => method.deleting) ?? [];
  return (
    <ConfirmDialog
      open={credential !== null}
      title={`Remove “${credential?.name ?? ''}”?`}
      hint="What is stored of it is erased at once. Servers can only be destroyed with a credential of their account, so one that a server needs is kept."
      confirm="Remove"
      cancel="Keep it"
      tone="critical"
      busy={removal.isPending}
      error={removal.error}
      onConfirm={() => credential && removal.mutate(credential.id)}
      onClose={() => {
        removal.reset();
        onClose();
      }}
      testId="credential-remove"
    >
      {deleting.length > 0 && (
        <div className="text-muted text-sm">
          <p>To end it at {cloud?.name} as well:</p>
          <ul className="mt-1.5 flex list-disc flex-col gap-1 pl-4">
            {deleting.map((text) => (
              <li key={text}>
                <Said>{text}</Said>
              </li>
            ))}
          </ul>
        </div>
      )}
    </ConfirmDialog>
  );
}
