import {
  type ChannelState,
  createGateway,
  type Gateway,
  type GatewayState,
  type OwnerConnection,
} from '@claw-cloud/owner-client/api';
import { createContext, type ReactNode, use, useEffect, useMemo, useState } from 'react';
import { useOwner } from '../app/session.tsx';
import { loadOwnerClient } from '../keys/owner.ts';

interface Connection {
  readonly channel: OwnerConnection;
  readonly gateway: Gateway;
}

interface ConnectionValue {
  /** Null until the encryption library and the keys are there, or while the server is not ready. */
  readonly connection: Connection | null;
  readonly channelState: ChannelState;
  readonly gatewayState: GatewayState;
  /** Why there could not even be an attempt. */
  readonly error: unknown;
}

const connecting: ChannelState = { status: 'connecting', problem: null };
const nothing: ConnectionValue = {
  connection: null,
  channelState: connecting,
  gatewayState: { status: 'unknown' },
  error: undefined,
};
const ConnectionContext = createContext<ConnectionValue>(nothing);

/** The encrypted connection to the server whose pages these are. */
export const useConnection = (): ConnectionValue => use(ConnectionContext);

/** Keeps one connection for all pages of a server, from when it is ready until they are left. */
export function ConnectionProvider({
  instanceId,
  ready,
  children,
}: {
  instanceId: string;
  ready: boolean;
  children: ReactNode;
}) {
  const owner = useOwner();
  const [connection, setConnection] = useState<Connection | null>(null);
  const [channelState, setChannelState] = useState<ChannelState>(connecting);
  const [gatewayState, setGatewayState] = useState<GatewayState>({ status: 'unknown' });
  const [error, setError] = useState<unknown>();

  useEffect(() => {
    if (!ready) return;
    let left = false;
    let opened: Connection | undefined;
    const open = async () => {
      const [{ openOwnerChannel }, keyring] = await Promise.all([loadOwnerClient(), owner.keyring()]);
      if (left) return;
      const channel = openOwnerChannel({
        baseUrl: window.location.origin,
        instanceId,
        api: owner.api,
        keyring,
      });
      const gateway = createGateway(channel);
      opened = { channel, gateway };
      channel.onState(setChannelState);
      gateway.onState(setGatewayState);
      setChannelState(channel.state());
      setConnection(opened);
    };
    open().catch((thrown: unknown) => {
      if (!left) setError(thrown);
    });
    // A phone that wakes up, or a network that comes back, need not wait for the next try.
    const wake = () => {
      if (document.visibilityState === 'visible' && opened?.channel.state().status === 'waiting')
        opened.channel.retry();
    };
    window.addEventListener('online', wake);
    document.addEventListener('visibilitychange', wake);
    return () => {
      left = true;
      window.removeEventListener('online', wake);
      document.removeEventListener('visibilitychange', wake);
      opened?.gateway.close();
      opened?.channel.close();
      setConnection(null);
      setChannelState(connecting);
      setGatewayState({ status: 'unknown' });
      setError(undefined);
    };
  }, [instanceId, ready, owner]);

  const value = useMemo(
    () => ({ connection, channelState, gatewayState, error }),
    [connection, channelState, gatewayState, error],
  );
  return <ConnectionContext value={value}>{children}</ConnectionContext>;
}
