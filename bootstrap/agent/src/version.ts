/** The agent's own version, as it registers and answers /health. */
export const agentVersion = '0.1.0';
/** The OpenClaw release this agent was tested with, installed unless bootstrap.json names another. */
export const pinnedOpenClawVersion = '2026.9.6';
