import * as grpc from '@grpc/grpc-js';
import plugins from '@pulumi/pulumi/proto/plugin_pb.js';
import services from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import messages from '@pulumi/pulumi/proto/provider_pb.js';
import empties from 'google-protobuf/google/protobuf/empty_pb.js';
import { environment } from './env.ts';
import type { SdkShape } from './properties.ts';
import { createProvider, toServiceError } from './provider.ts';
import type { Provider } from './resource.ts';
import { createWaiting } from './waiting.ts';

const parentCheckMs = 500;
const messageLimitBytes = 16 * 1024 * 1024;

/**
 * Serves a stand-in to the engine that started this process: prints the port and nothing else, and ends at once when
 * told to, or when the engine is gone. With `--version` it prints its version, like the official plugins.
 */
export function serve<Client>(provider: Provider<Client>, sdk: SdkShape): void {
  start(provider, sdk).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  });
}

async function start<Client>(provider: Provider<Client>, sdk: SdkShape): Promise<void> {
  if (process.argv.includes('--version')) {
    process.stdout.write(`${sdk.version}\n`);
    return;
  }
  // The engine waits five seconds for a plugin that takes its time; everything asked of it has ended by then.
  process.on('SIGINT', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
  endWithParent();

  const { all, imitateWaits } = environment();
  const answers = createProvider(provider, sdk, {
    environment: all,
    waiting: createWaiting(imitateWaits),
  });
  const server = new grpc.Server({
    'grpc.max_receive_message_length': messageLimitBytes,
    'grpc.max_send_message_length': messageLimitBytes,
  });
  const refused: grpc.handleUnaryCall<unknown, unknown> = (call, callback) =>
    callback({ code: grpc.status.UNIMPLEMENTED, details: `${call.getPath()} is not served here` });
  const handlers: grpc.UntypedServiceImplementation = Object.fromEntries(
    Object.keys(services.ResourceProviderService).map((method) => [method, refused]),
  );
  Object.assign(handlers, {
    handshake: unary(() => {
      const response = new messages.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      return response;
    }),
    getPluginInfo: unary(() => {
      const info = new plugins.PluginInfo();
      info.setVersion(sdk.version);
      return info;
    }),
    cancel: unary(() => {
      answers.cancel();
      return new empties.Empty();
    }),
    checkConfig: unary(answers.checkConfig),
    diffConfig: unary(answers.diffConfig),
    configure: unary(answers.configure),
    check: unary(answers.check),
    diff: unary(answers.diff),
    create: unary(answers.create),
    read: unary(answers.read),
    update: unary(answers.update),
    delete: unary(answers.delete),
    invoke: unary(answers.invoke),
  });
  server.addService(services.ResourceProviderService, handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  process.stdout.write(`${port}\n`);
}

function unary<Request, Response>(
  answer: (request: Request) => Response | Promise<Response>,
): grpc.handleUnaryCall<Request, Response> {
  return ({ request }, callback) => {
    Promise.resolve()
      .then(() => answer(request))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(toServiceError(error)),
      );
  };
}

/** Plugins run in a process group of their own and outlive a killed engine. */
function endWithParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, parentCheckMs).unref();
}
