import { Client, Events, GatewayIntentBits } from 'discord.js'

/** A bot that defers and does nothing else, as a process of its own: what discord.js alone takes to acknowledge a command. */
const { DISCORD_TOKEN = '', DISCORD_API_URL = '' } = process.env
const rest = { api: DISCORD_API_URL, version: '10' }
const client = new Client({ intents: [GatewayIntentBits.Guilds], rest })
client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isChatInputCommand()) await interaction.deferReply().catch(console.error)
})
await client.login(DISCORD_TOKEN)
