import type { Instance } from '@claw-cloud/contracts';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { keys } from '../app/data.ts';
import { useMoveOn } from '../app/redirect.tsx';
import { useOwner } from '../app/session.tsx';
import { plainName } from '../deploy/offers.ts';
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';
import { ErrorNotice, troubleOf } from '../design/error-notice.tsx';
import { Field, Input } from '../design/field.tsx';

interface DestroyDialogProps {
  open: boolean;
  instance: Instance;
  onClose: () => void;
}

/** Asks for the server's name before it is deleted with everything on it; then shows it going. */
export function DestroyDialog({ open, instance, onClose }: DestroyDialogProps) {
  const { api } = useOwner();
  const queries = useQueryClient();
  const moveOn = useMoveOn();
  const [typed, setTyped] = useState('');
  const form = useId();
  const destroy = useMutation({
    mutationFn: () => api.destroyInstance(instance.id),
    onSuccess: async () => {
      queries.setQueryData(keys.instance(instance.id), { ...instance, state: 'destroying' as const });
      onClose();
      await moveOn({ to: '/servers/$instanceId/timeline', params: { instanceId: instance.id } });
      await queries.invalidateQueries({ queryKey: keys.instances });
    },
  });
  const matches = plainName(typed) === plainName(instance.name);
  const close = () => {
    destroy.reset();
    setTyped('');
    onClose();
  };
  return (
    <Dialog
      open={open}
      onClose={close}
      title="Destroy this server?"
      hint="Its conversations, files and keys are on it, and nowhere else. They can’t be brought back."
      footer={
        <>
          <Button variant="secondary" onClick={close}>
            Keep it
          </Button>
          <Button
            type="submit"
            form={form}
            variant="critical"
            disabled={!matches}
            busy={destroy.isPending}
            data-testid="destroy-submit"
          >
            Destroy
          </Button>
        </>
      }
    >
      <form
        id={form}
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (matches) destroy.mutate();
        }}
      >
        {destroy.error !== null && <ErrorNotice trouble={troubleOf(destroy.error)} className="mb-4" />}
        <Field
          label={
            <>
              Type <strong className="font-semibold">{instance.name}</strong> to confirm
            </>
          }
        >
          <Input
            value={typed}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setTyped(event.target.value)}
            data-testid="destroy-confirm-name"
          />
        </Field>
      </form>
    </Dialog>
  );
}
