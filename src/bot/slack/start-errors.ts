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

/** The address at which Slack's requests should arrive can't be listened on. */
export class SlackAddressTaken extends Error {
  override readonly name = 'SlackAddressTaken'
  readonly address: string

  constructor(address: string, options: ErrorOptions) {
    super(`can't listen on ${address}`, options)
    this.address = address
  }
}
