import type { Cloud } from '@claw-cloud/contracts';
import {
  conversationKey,
  type createApiClient,
  createGateway,
  type createKeyring,
  openConversation,
  openOwnerChannel,
  textOf,
} from '@claw-cloud/owner-client';
import type { SmokeConfig } from '../env.ts';
import type { Platform } from '../platform.ts';
import type { Report } from '../report.ts';

const question = 'Hello! In one short sentence: who are you?';

/** Pairs with the new server, and chats once where there is a model to answer. */
export async function chatOnce(parts: {
  platform: Pick<Platform, 'url'>;
  config: Pick<SmokeConfig, 'modelKey'>;
  cloud: Cloud;
  api: ReturnType<typeof createApiClient>;
  keyring: ReturnType<typeof createKeyring>;
  instanceId: string;
  report: Report;
  signal: AbortSignal;
}): Promise<void> {
  const { platform, config, cloud, api, keyring, instanceId, report, signal } = parts;
  const channel = openOwnerChannel({ baseUrl: platform.url, instanceId, api, keyring });
  const close = () => channel.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    await channel.whenOpen({ timeoutMs: 60_000 });
    report.step('paired', 'the server proved its key; both sides pinned, end to end encrypted');
    if (config.modelKey) await channel.command('model.set', config.modelKey, { timeoutMs: 60_000 });
    const gateway = createGateway(channel);
    await gateway.whenConnected({ timeoutMs: 60_000 });
    if (!config.modelKey && !cloud.sandbox) {
      report.step('chat left out', 'OpenClaw answers; for a reply set OPENAI_API_KEY or ANTHROPIC_API_KEY');
      return;
    }
    const conversation = openConversation(gateway, conversationKey('smoke'));
    const answer = textOf(await conversation.reply(conversation.send(question), { timeoutMs: 180_000 }));
    conversation.close();
    report.step(
      'first reply',
      config.modelKey ? `by ${config.modelKey.provider}` : 'by the sandbox’s own model',
    );
    report.say('chat', { question, answer }, [`    you        ${question}`, `    assistant  ${answer}`]);
  } finally {
    signal.removeEventListener('abort', close);
    channel.close();
  }
}
