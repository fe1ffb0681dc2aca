import { doctorEn } from './doctor-en.ts'
import { pagesEn } from './pages-en.ts'

/** Every text, in English. `{{name}}` is filled in; the same names stand in `ko.ts`. */
export const en = {
  ...pagesEn,
  ...doctorEn,

  'change.queued': 'The job has been taken in.',
  'change.planning': 'Planning the shots…',
  'change.planned': 'Planned {{count}} segments: {{shots}}',
  'change.segment_started': 'Segment {{segment}}/{{of}} is being made… ({{title}})',
  'change.segment_waiting': 'Segment {{segment}}/{{of}} is number {{place}} in the video model’s line.',
  'change.segment_adopted':
    'Segment {{segment}}/{{of}}: found the request that was made before and went on with it.',
  'change.segment_done': 'Segment {{segment}}/{{of}} is done.',
  'change.merging': 'Joining the segments…',
  'change.completed': 'The film is ready.',
  'change.failed': 'Failed: {{reason}}',
  'change.cancel_requested': 'Cancelling…',
  'change.cancelled': 'Cancelled.',
  'change.resumed': 'Going on from where it was cut off.',
  'change.retried': 'Trying again from the segment that failed.',

  'status.queued': 'queued',
  'status.planning': 'planning',
  'status.generating': 'generating',
  'status.merging': 'joining',
  'status.completed': 'completed',
  'status.failed': 'failed',
  'status.cancelled': 'cancelled',

  'error.prompt_empty': 'prompt: nothing was given. Write 1 to {{max}} characters.',
  'error.prompt_too_long': 'prompt: {{given}} characters are too many. Up to {{max}} are allowed.',
  'error.option_invalid': '{{option}}: “{{given}}” is not possible. Allowed: {{allowed}}.',
  'error.model_retired': 'model: {{model}} was switched off on {{retired_on}}. Use {{replacement}} instead.',
  'error.model_unavailable': 'model: {{model}} is not connected here. Allowed: {{allowed}}.',
  'error.option_unknown': '{{given}}: there is no such option. Allowed: {{allowed}}.',
  'error.combination_unsupported':
    '{{option}}: {{model}} can’t do “{{given}}”. Allowed with it: {{allowed}}.{{advice}}',
  'error.combination_unsupported.advice': ' {{alternative}} can do all of this.',
  'error.image_unreadable': 'image: {{given}} is not a picture that can be read. Allowed: {{allowed}}.',
  'error.image_too_large': 'image: {{given}} MB are too many. Up to {{max}} MB are allowed.',
  'error.image_too_small':
    'image: {{width}}×{{height}} pixels are too few. Each side must have at least {{min}}.',
  'error.hourly_limit': '{{limit}} films an hour are allowed. The next one is possible from {{when}}.',
  'error.active_limit':
    '{{limit}} unfinished jobs at once are allowed. The next one is possible as soon as one of these has ended or been cancelled: {{jobs}}.',
  'error.price_unknown':
    'model: the price of {{model}} isn’t known, and a ceiling on spending is set. Use a model with a known price.',
  'error.cost_over_job':
    'This film would cost about {{estimate_usd}} USD; up to {{max_usd}} USD a film are allowed. Ask for fewer or shorter segments.',
  'error.cost_over_day':
    'This film would cost about {{estimate_usd}} USD; {{spent_usd}} USD of {{max_usd}} USD in 24 hours are spent. More is possible from {{when}}.',
  'error.disk_low':
    'There is no room here for another film at the moment: {{free}} MB are free, and {{least}} MB have to be. Films that are being made go on. Try again later; whoever runs this server has to make room.',
  'error.job_not_found': 'There is no job {{job_id}}.',
  'error.job_not_retryable': 'Job {{job_id}} is {{status}}; only a job that failed or was cut off can go on.',
  'error.job_not_cancellable': 'Job {{job_id}} is {{status}}; only an unfinished one can be cancelled.',
  'error.job_not_completed':
    'Job {{job_id}} is {{status}}. There is a film only once it is completed; wait for its end, or retry it.',
  'error.film_expired':
    'The film of job {{job_id}} is no longer kept: films are removed here some time after they are finished. Ask for it anew.',
  'error.size_unreachable':
    'This film can’t be made as small as {{given}} MB. It needs at least {{least}} MB.',
  'error.link_code_invalid':
    'This code doesn’t work: it was mistyped, has been used already, or is older than {{minutes}} minutes. /sora-link in Discord or /sora link in Slack gives a new one.',
  'error.link_limit': '{{limit}} wrong codes an hour are allowed. The next one is possible from {{when}}.',
  'error.link_taken':
    'This chat account belongs to another account here already. Sign in with that one to see its films.',
  'error.sign_in_needed': 'Nobody is signed in, or not any more. Sign in, or send a valid access token.',
  'error.sign_in_unavailable':
    'It can’t be checked at the moment who is asking ({{reason}}). Try again soon.',
  'error.cross_site':
    'This request came from another site, so nothing was done. Send it from this server’s own pages.',
  'error.host_refused':
    '“{{host}}”: without accounts this server answers on this machine alone. Use localhost or 127.0.0.1.',
  'error.route_unknown': '{{path}}: there is nothing here. /api/openapi.json says what there is.',
  'error.request_invalid': 'This request can’t be read ({{reason}}).',
  'error.body_type_unknown': 'content-type: “{{given}}” is not possible. Allowed: {{allowed}}.',
  'error.body_too_large': 'What was sent is too large. Up to {{max}} MB are allowed.',
  'error.headers_too_large': 'The request’s headers are too large. Up to {{max}} bytes are allowed.',
  'error.request_too_slow': 'The request took too long to come. Send it again.',
  'error.database_away':
    'The database doesn’t answer at the moment. Nothing that was begun is lost. Try again in a minute.',
  'error.stopping':
    'The program is being stopped. Ask again in a moment: it is usually back within a minute.',
  'error.idempotency_key_invalid':
    'Idempotency-Key: it can’t be used. Allowed: 1 to {{max}} letters, digits and signs of ASCII.',
  'error.idempotency_key_reused':
    'Idempotency-Key: another film was asked for with it before. Use a new key for a new film.',
  'error.data_dir_unwritable':
    'DATA_DIR: can’t write to {{path}} ({{reason}}). Give a folder that this user may write to.',
  'error.data_dir_locked':
    'DATA_DIR: {{path}} is in use by process {{pid}} since {{since}}. Wait for it, or give another folder.',
  'error.database_in_use':
    'DATABASE_URL: another Sora Extend uses {{address}}, connected from {{host}} since {{since}}. Stop it, or set QUEUE=pg-boss for both.',
  'error.database_unreachable':
    'DATABASE_URL: no answer from {{address}} ({{reason}}). Give the address of a Postgres server that is running.',
  'error.ffmpeg_missing':
    'FFMPEG_PATH: no ffmpeg was found that runs (tried {{tried}}). Install ffmpeg, or give its path.',
  'error.out_unwritable':
    '--out: can’t write {{path}} ({{reason}}). Give a file in a folder that you may write to.',
  'error.prompt_flagged':
    'prompt: it was refused by the content check ({{categories}}). Describe the film differently.',
  'error.planner_refused': 'The planner refused this prompt: {{reason}}. Describe the film differently.',
  'error.planner_cut_off':
    'The planner’s answer was cut off ({{reason}}). Try again, or ask for fewer segments.',
  'error.planner_timeout':
    'The planner did not answer within {{seconds}} s. Nothing was rendered; try again.',
  'error.planner_busy':
    'The planner takes no more requests at the moment: {{reason}}. Nothing was rendered; try again later.',
  'error.planner_down':
    'The planner can’t be reached or is broken: {{reason}}. Nothing was rendered; try again later.',
  'error.planner_key_refused':
    'OPENAI_API_KEY: the planner refused it ({{reason}}). The operator must set a valid key.',
  'error.render_policy':
    'Segment {{segment}} was refused by the video model’s content policy: {{reason}}. Describe the film differently.',
  'error.render_given_up':
    'Segment {{segment}} took too long and was given up: {{reason}}. What is finished is kept; retry asks for it again.',
  'error.plan_invalid': 'The planner’s answer did not fit: {{reason}}. Try again.',
  'error.render_rejected': 'Segment {{segment}} was refused by the video model: {{reason}}.',
  'error.render_unavailable':
    'Segment {{segment}} could not be made, and may work later: {{reason}}. What is finished is kept; retry goes on from here.',
  'error.render_outcome_unknown':
    'It can’t be known whether the request for segment {{segment}} was accepted ({{reason}}). Nothing more was paid; retry may pay this one segment again.',
  'error.clip_unusable':
    'The video model delivered a file for segment {{segment}} that cannot be played ({{reason}}). It was fetched several times and paid once. Retry fetches it again; if it is still broken, the segment is rendered and paid again.',
  'error.clip_unfetched':
    'Segment {{segment}} was rendered and paid, but its clip could not be fetched: {{reason}}. Retry fetches it again, at no cost.',
  'error.clip_lost':
    'The finished clip of segment {{segment}} is no longer to be had: {{reason}}. Start the film anew.',
  'error.join_failed': 'The segments could not be joined: {{reason}}. They are kept; retry joins them again.',
  'error.store_failed':
    'The film could not be stored: {{reason}}. It is kept; retry stores it without making it again.',
  'error.disk_full': 'The disk is full ({{path}}). Make room, then retry: what is finished is kept.',
  'error.internal':
    'Something unexpected went wrong: {{reason}}. What is finished is kept; retry goes on from here.',

  'config.not_whole_number':
    '{{variable}}: “{{given}}” is not possible. Allowed: a whole number, {{allowed}}.',
  'config.not_one_of': '{{variable}}: “{{given}}” is not possible. Allowed: {{allowed}}.',
  'config.not_web_address': '{{variable}}: “{{given}}” is not possible. Allowed: a web address, {{allowed}}.',
  'config.not_usd': '{{variable}}: “{{given}}” is not possible. Allowed: an amount in USD, {{allowed}}.',
  'config.not_bucket_name': '{{variable}}: “{{given}}” is not possible. Allowed: up to 63 of {{allowed}}.',
  'config.needed_with': '{{variable}}: it is not set, and {{allowed}} needs it. Set both or neither.',
  'config.part_needs_queue':
    '{{variable}}: “npm start -- {{given}}” needs {{allowed}}: the queue in a process is that process’s alone.',
  'config.needs_one_of': '{{variable}}: it can’t be used alone. Set one of these too: {{allowed}}.',
  'config.needs_accounts':
    '{{variable}}: “{{given}}” can be reached from other machines, and without SUPABASE_URL anybody there could use this server. Allowed: {{allowed}}.',
  'config.not_origins': '{{variable}}: “{{given}}” is not possible. Allowed: {{allowed}}.',
  'config.not_slack_token': '{{variable}}: not a token of this kind. Allowed: {{allowed}}',
  'config.not_slack_secret': '{{variable}}: not a signing secret. Allowed: {{allowed}}.',
  'config.not_discord_id':
    '{{variable}}: “{{given}}” is not possible. Allowed: a server’s id, such as {{allowed}}.',
  'config.not_public_key': '{{variable}}: it isn’t a public key. Allowed: {{allowed}}.',
  'config.not_postgres_url': '{{variable}}: not the address of a Postgres database. Allowed: {{allowed}}.',

  'film.expired': 'no longer kept',
  'film.made_by_ai': 'This film was generated by AI ({{model}}).',
  'film.made_by_program': 'This film was drawn by a program ({{model}}), not by a video model.',
  'film.encoded': 'Segments encoded anew: {{what}}.',
  'film.encoded.picture': 'picture {{segments}}',
  'film.encoded.sound': 'sound {{segments}}',

  'finding.undecodable':
    'The film can’t be decoded without errors ({{reason}}). Watch it before you pass it on; if it is broken, make it anew.',
  'finding.short_segment':
    'Segment {{segment}} lasts {{delivered}} s instead of {{asked}} s: the video model delivered less than it was asked for.',
  'finding.picture_length':
    'The picture lasts {{measured}} s instead of {{planned}} s. Watch whether the end is there.',
  'finding.sound_length': 'The sound lasts {{measured}} s, and the picture {{planned}} s.',
  'finding.sound_offset': 'Sound and picture are up to {{ms}} ms apart where segments meet: {{seams}}.',
  'finding.cut':
    'These segments don’t go on from one another, so the picture jumps: {{seams}}. A crossfade softens that.',
  'finding.visible_seam': 'It can be seen where these segments meet: {{seams}}. A crossfade softens that.',
  'finding.drift':
    'The picture drifts away from segment 1: in segment {{segment}} its colours are {{colour}} of 255 levels off, its contrast {{contrast}}. Fewer segments drift less.',
  'finding.black': 'The picture is black from {{from}} to {{to}} s (segment {{segments}}).',
  'finding.silence':
    'There is no sound from {{from}} to {{to}} s (segment {{segments}}); the rest of the film has some.',
  'finding.seam': '{{before}}→{{after}} ({{at}} s)',

  'cli.doctor': '“doctor” in place of a prompt looks at the installation, and says what to put right.',
  'cli.doctor_alone': 'doctor looks at the installation. Beside it there are --json and --lang alone.',
  'cli.description': 'One prompt in, one long coherent video out.',
  'cli.prompt': 'what the film shows, 1–{{max}} characters',
  'cli.segments': 'how many shots, {{allowed}}',
  'cli.seconds': 'length of each shot in seconds: {{allowed}}',
  'cli.resolution': '{{allowed}}',
  'cli.aspect': '{{allowed}}',
  'cli.crossfade': 'how long each shot dissolves into the next, in ms, 0–{{max}} (0)',
  'cli.level_sound': 'bring every shot’s sound to one loudness',
  'cli.keep_clips': 'keep each shot’s clip beside the film',
  'cli.model': 'video model: {{allowed}}',
  'cli.image': 'picture that the film opens on (PNG, JPEG or WebP)',
  'cli.out': 'where to put the film',
  'cli.previews': 'also make a poster, a contact sheet and a short silent preview',
  'cli.max_size': 'also make a version of at most so many MB, {{allowed}}',
  'cli.json': 'one JSON object a line for each change',
  'cli.yes': 'agree to the price beforehand',
  'cli.price': 'About {{usd}} USD ({{model}}).',
  'cli.price_unknown': 'What this costs isn’t known ({{model}}).',
  'cli.agree': 'Go on? [y/N] ',
  'cli.cost': 'It cost {{usd}} USD.',
  'cli.cost_unknown': 'The provider doesn’t say what it cost.',
  'cli.resume': 'go on with a job that was cut off or failed',
  'cli.list': 'show my jobs',
  'cli.cancel': 'cancel a job',
  'cli.lang': 'language of the texts: {{allowed}}',
  'cli.help': 'show this help',
  'cli.one_thing': 'Give either a prompt, or one of --resume, --list and --cancel.',
  'cli.unknown_option': 'There is no option {{given}}. --help shows all of them.',
  'cli.missing_value': '{{given}} needs a value. --help shows all options.',
  'cli.stand_in':
    'No video model is connected: planner and model are local stand-ins. They cost nothing; a program draws the pictures.',
  'cli.job': 'Job {{job_id}}',
  'cli.cut_off': 'Cut off before: {{jobs}}. Go on with --resume ID, or end it with --cancel ID.',
  'cli.interrupted': 'Cancelling… (Ctrl-C again leaves at once)',
  'cli.in_line':
    'It is still in line. Others’ films come first, or nobody makes films now: with QUEUE=pg-boss “npm start -- worker” does.',
  'cli.left': 'Stopped. --resume {{job_id}} goes on.',
  'cli.left_elsewhere':
    'No longer watched. The film is made by the program that is running; --resume {{job_id}} shows how far it is.',
  'cli.film': '{{place}} — {{seconds}} s, {{width}}×{{height}}, {{megabytes}} MB',
  'cli.preview.poster': 'Poster: {{place}}',
  'cli.preview.sheet': 'Contact sheet: {{place}}',
  'cli.preview.preview': 'Silent preview: {{place}}',
  'cli.preview.smaller': 'Smaller version: {{place}}',
  'cli.clip': 'Segment {{segment}}: {{place}}',
  'cli.retry': '--resume {{job_id}} tries again.',
  'cli.no_jobs': 'No jobs yet.',

  'command.sora.name': 'sora',
  'command.sora.about': 'Make one long film from one prompt',
  'command.sora-jobs.name': 'sora-jobs',
  'command.sora-jobs.about': 'Show my films, with their states and links',
  'command.sora-cancel.name': 'sora-cancel',
  'command.sora-cancel.about': 'Cancel a film that is being made',
  'command.sora-link.name': 'sora-link',
  'command.sora-link.about': 'Get a code with which I see these films on the web page too',
  'command.sora-help.name': 'sora-help',
  'command.sora-help.about': 'Show what I may still ask for, the models and their prices',

  'option.prompt.name': 'prompt',
  'option.prompt.about': 'What the film shows, 1 to 500 characters',
  'option.segments.name': 'segments',
  'option.segments.about': 'How many shots, 2 to 10 (4)',
  'option.seconds.name': 'seconds',
  'option.seconds.about': 'Length of each shot in seconds (8)',
  'option.resolution.name': 'resolution',
  'option.resolution.about': 'Short side of the picture (720p)',
  'option.aspect.name': 'aspect',
  'option.aspect.about': 'Shape of the picture (16:9)',
  'option.model.name': 'model',
  'option.model.about': 'The video model',
  'option.image.name': 'image',
  'option.image.about': 'A picture that the film opens on: PNG, JPEG or WebP',
  'option.job.name': 'job',
  'option.job.about': 'The film to cancel',

  'model.price': '{{usd}} USD a second',
  'model.price_unknown': 'price unknown',

  'card.taking_in': 'Taking the film in…',
  'card.segment': 'segment {{segment}}/{{of}}',
  'card.asked': 'Film',
  'card.length': '{{count}} × {{seconds}} s',
  'card.film': 'Finished',
  'card.film_facts': '{{seconds}} s · {{width}}×{{height}} · {{megabytes}} MB',
  'card.started': 'Started',
  'card.left': 'Ready',
  'card.took': 'Took',
  'card.cost': 'Cost',
  'card.cost_about': 'about {{usd}} USD',
  'card.cost_usd': '{{usd}} USD',
  'card.cost_unknown': 'not known',
  'card.smaller': 'The video shown here is a smaller version of the film.',
  'card.kept': 'The film can’t be shown here. Whoever runs this bot has it as {{key}}.',
  'card.link_days': 'The link works for {{days}} days; {{jobs}} gives a new one.',
  'card.last_words':
    'This card can’t be updated any further here. {{jobs}} shows how far the film is, and its end comes as a direct message.',
  'card.made_by_ai': 'Film and pictures are generated by AI ({{model}}).',
  'card.made_by_program': 'Film and pictures are drawn by a program ({{model}}), not by a video model.',
  'card.cancel': 'Cancel',
  'card.retry': 'Try again',
  'card.open': 'Open',

  'notice.completed': 'Your film is ready: {{title}}',
  'notice.failed': 'Your film could not be finished: {{title}}',
  'notice.on_card': 'It is with its card in the chat.',
  'answer.not_in_channel':
    'I can’t write in this channel, so the film’s card is in our direct messages. To have it here next time, invite me: /invite {{bot}}',
  'answer.channel_closed':
    'I can’t write in this channel, as it is archived or for reading alone, so the film’s card is in our direct messages.',
  'answer.nowhere':
    'I can write neither in this channel nor in our direct messages, so no film was started. Invite me here: /invite {{bot}}',
  'notice.show_card': 'Show the card',

  'answer.not_yours': 'Only the person who asked for this film can do that.',
  'answer.cancelled': 'Cancelled: {{title}}',
  'answer.cancel_which': 'Which film shall be cancelled?',
  'answer.nothing_to_cancel': 'No film of yours is being made.',
  'answer.no_jobs': 'You have not asked for a film yet. /sora makes one.',
  'answer.failed':
    'Something unexpected went wrong. Please try again; if it stays so, tell whoever runs this bot.',

  'link.code': 'Your code: {{code}}',
  'link.use':
    'Enter it on the web page, under “Link a chat account”. It works once, until {{when}}. Then the films that you ask for here are there too, and count towards the same limits.',
  'link.secret': 'Give it to nobody: your films become those of whoever enters it.',
  'link.open': 'Open the page',

  'modal.title': 'A new film',
  'modal.submit': 'Make it',
  'modal.close': 'Close',

  'help.how':
    '/sora makes a film from a prompt: {{segments}} shots of {{seconds}} seconds, each going on exactly where the last one ended.',
  'help.hour': 'Films in this hour: {{used}} of {{limit}}',
  'help.active': 'Unfinished films: {{used}} of {{limit}}',
  'help.link': '{{command}} gives a code with which you see your films on the web page too.',
  'help.models': 'Models',
  'help.model': '{{model}} ({{id}}): {{price}}; {{seconds}} s; {{resolutions}}',
  'help.retired': 'Switched off: {{models}}',

  'start.ffmpeg': 'ffmpeg {{version}} ({{path}})',
  'start.database': 'database: {{what}}',
  'start.embedded': 'embedded, in {{folder}}',
  'start.server': 'Postgres server',
  'start.planner': 'planner: {{what}}',
  'start.models': 'video models: {{what}}',
  'start.objects': 'films: {{what}}',
  'start.stand_in': 'local stand-in ({{variable}} connects a real one)',
  'start.in_folder': 'in {{folder}} ({{variable}} moves them to Supabase)',
  'start.part_all': 'takes jobs and runs them, beside any number of others (QUEUE=pg-boss)',
  'start.part_serve': 'takes jobs and runs none: “npm start -- worker” does',
  'start.part_worker': 'runs jobs, beside any number of others',
  'start.health': 'health and figures: {{address}}/healthz, /readyz, /metrics',
  'start.web': 'web page and API: {{address}} ({{who}})',
  'start.web_accounts': 'people sign in through Supabase',
  'start.web_single': 'for you alone, on this machine; SUPABASE_URL brings accounts',
  'start.public': 'links in chats lead to {{address}}',
  'start.public_off': 'links in chats lead to the films’ files; PUBLIC_URL makes them lead to their pages',
  'start.discord': 'Discord: {{name}}, servers: {{guilds}}, by {{door}}',
  'start.stands_by': '{{chat}}: another process is connected; this one takes over when that one ends.',
  'start.unreachable': '{{chat}}: it can’t be reached now, and is tried again every few seconds.',
  'start.discord_off':
    'Discord: off. Set DISCORD_TOKEN to the bot’s token; README.md says where it comes from.',
  'start.slack': 'Slack: {{name}} in {{team}}, by {{door}}',
  'start.connection': 'a connection of its own',
  'start.signed_requests': 'signed requests to {{address}}',
  'start.slack_off':
    'Slack: off. Set SLACK_BOT_TOKEN, and SLACK_APP_TOKEN or SLACK_SIGNING_SECRET; README.md says where they come from.',
  'start.slack_refused':
    '{{variable}}: Slack refused it ({{reason}}). Copy the token anew from api.slack.com/apps.',
  'start.port_taken': 'PORT: {{address}} can’t be listened on ({{reason}}). Set another HOST or PORT.',
  'start.token_refused':
    'DISCORD_TOKEN: Discord refused it. Copy the bot’s token anew from the developer portal.',
  'start.discord_key_wrong':
    'DISCORD_PUBLIC_KEY: it isn’t the key of the application that DISCORD_TOKEN is for. Copy it anew from General Information in the developer portal.',
  'start.discord_lost':
    'Discord closed the connection for good ({{code}}): copy the bot’s token anew from the developer portal, then start again. Unfinished jobs go on then.',
  'start.unfinished': 'unfinished jobs taken up: {{count}}',
  'start.nothing':
    'No chat is connected: films are asked for on the web page, by the API and by the command line.',
  'start.ready': 'Ready. SIGTERM or Ctrl-C stops; unfinished jobs go on at the next start.',
} as const
