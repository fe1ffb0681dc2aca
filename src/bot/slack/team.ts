/** What Slack says of somebody who has pressed a button or sent a form. */
interface Acting {
  user: { team_id?: string }
  team?: { id: string } | null
  enterprise?: { id: string } | null
}

/**
 * The workspace that is part of somebody's identity: the one that their commands name too. Where an app is installed for a whole
 * organisation, `team` is null.
 */
export function teamOf({ user, team, enterprise }: Acting): string {
  return user.team_id ?? team?.id ?? enterprise?.id ?? ''
}
