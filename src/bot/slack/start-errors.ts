/** Slack does not know a token. */
export class SlackTokenRefused extends Error {
  override readonly name = 'SlackTokenRefused'
  readonly variable: 'SLACK_BOT_TOKEN' | 'SLACK_APP_TOKEN'
  /** Slack's own name for why. */
  readonly reason: string

  constructor(variable: SlackTokenRefused['variable'], reason: string, options?: ErrorOptions) {
    super(`${variable}: ${reason}`, options)
    this.variable = variable
    this.reason = reason
  }
}
