import { type FormEvent, type ReactNode, useId } from 'react';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { ErrorNotice, troubleOf } from './error-notice.tsx';

interface ConfirmDialogProps {
  open: boolean;
  title: ReactNode;
  hint?: ReactNode;
  children?: ReactNode;
  /** What pressing it does, e.g. "Restart". */
  confirm: string;
  cancel?: string;
  tone?: 'primary' | 'critical';
  /** False while something is still to be filled in. */
  ready?: boolean;
  busy: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
  testId: string;
  width?: 'sm' | 'md' | 'lg';
}

/** Says what will happen before it does; nothing happens until it is said again. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { open, title, hint, children, confirm, cancel = 'Cancel', tone = 'primary', ready = true } = props;
  const form = useId();
  return (
    <Dialog
      open={open}
      title={title}
      hint={hint}
      width={props.width ?? 'sm'}
      testId={props.testId}
      {...(props.busy ? {} : { onClose: props.onClose })}
      footer={
        <>
          <Button variant="secondary" onClick={props.onClose} disabled={props.busy}>
            {cancel}
          </Button>
          <Button
            type="submit"
            form={form}
            variant={tone}
            busy={props.busy}
            disabled={!ready}
            data-testid={`${props.testId}-confirm`}
          >
            {confirm}
          </Button>
        </>
      }
    >
      <form
        id={form}
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          if (ready && !props.busy) props.onConfirm();
        }}
      >
        {props.error !== null && props.error !== undefined && (
          <ErrorNotice trouble={troubleOf(props.error)} />
        )}
        {children}
      </form>
    </Dialog>
  );
}
