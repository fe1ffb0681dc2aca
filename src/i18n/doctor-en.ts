/** The texts of `npm run doctor`, in English. */
export const doctorEn = {
  'doctor.name.settings': 'settings',
  'doctor.name.data': 'data folder',
  'doctor.name.disk': 'disk',
  'doctor.name.ffmpeg': 'ffmpeg',
  'doctor.name.database': 'database',
  'doctor.name.storage': 'storage',
  'doctor.name.openai': 'OpenAI',
  'doctor.name.fal': 'fal',
  'doctor.name.models': 'video models',
  'doctor.name.discord': 'Discord',
  'doctor.name.slack': 'Slack',
  'doctor.name.clock': 'clock',

  'doctor.settings_right': 'every variable can be used',
  'doctor.off': 'not connected; {{variable}} connects it',
  'doctor.failed': 'it could not be looked at ({{reason}}). Check the network, and run this again.',
  'doctor.data_ready': '{{path}} can be used',
  'doctor.data_held': '{{path}} is in use by process {{pid}}, a program that runs',
  'doctor.disk_enough': '{{free}} MB are free, and {{least}} MB have to be',
  'doctor.ffmpeg_runs': '{{version}} ({{path}})',
  'doctor.database_answers': 'Postgres {{version}} answers in {{ms}} ms, and is up to date',
  'doctor.database_new':
    'Postgres {{version}} answers; {{count}} migrations are still to run. The next start runs them.',
  'doctor.database_ahead':
    'Postgres {{version}} has had {{count}} migrations that this version doesn’t know. Start the newer version, or bring back the backup from before it.',
  'doctor.database_deaf':
    'Postgres {{version}} answers, but its notifications don’t arrive: a transaction pooler stands between. Everything works up to two seconds later. Give DATABASE_URL the direct address, or a session pooler’s.',
  'doctor.database_embedded': 'embedded, in {{path}}',
  'doctor.storage_works': '{{where}}: an object was put, read and removed in {{ms}} ms',
  'doctor.storage_fails': '{{where}}: {{reason}}',
  'doctor.key_works': 'the key works ({{ms}} ms)',
  'doctor.key_refused':
    '{{variable}} was refused ({{reason}}). Copy it anew; README.md says where it comes from.',
  'doctor.no_answer':
    '{{host}} does not answer ({{reason}}). Check the network, and the address where one is set.',
  'doctor.planner_model_closed':
    'the key works, but {{model}} isn’t open to it. Set PLANNER_MODEL to one that is.',
  'doctor.discord_sends_requests':
    'the token works, but Discord sends interactions to {{url}}, not to a bot that is connected. Set DISCORD_PUBLIC_KEY, or empty “Interactions Endpoint URL” in the developer portal.',
  'doctor.discord_key_wrong':
    'the token works, but DISCORD_PUBLIC_KEY is another application’s. Copy it anew from General Information in the developer portal.',
  'doctor.discord_has_no_url':
    'token and key work, but Discord does not know where to send interactions. Start the program, then enter PUBLIC_URL/discord/interactions as “Interactions Endpoint URL” in the developer portal.',
  'doctor.models_live': '{{count}} are as the catalogue knows them',
  'doctor.models_changed':
    'fal has changed or retired some: {{differences}}. Choose another model with VIDEO_MODEL, or install a newer version.',
  'doctor.clock_right': '{{seconds}} s beside that of {{host}}',
  'doctor.clock_wrong':
    '{{seconds}} s beside that of {{host}}: signatures, tokens and links will be refused. Set it by NTP.',
  'doctor.clock_unknown': 'nothing is connected that tells the time',

  'doctor.all_right': 'All is well.',
  'doctor.some_wrong': 'To put right: {{count}}',
} as const
