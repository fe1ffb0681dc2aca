/** Discord does not know the token. */
export class DiscordTokenRefused extends Error {
  override readonly name = 'DiscordTokenRefused'
}

/** The public key isn't that of the token's application. */
export class DiscordKeyWrong extends Error {
  override readonly name = 'DiscordKeyWrong'
}

/** Discord closed its gateway for good, such as after the token was made anew. `code` is Discord's. */
export class DiscordLost extends Error {
  override readonly name = 'DiscordLost'
  readonly code: number

  constructor(code: number) {
    super(`Discord closed its gateway for good: ${code}`)
    this.code = code
  }
}
