import { doctorKo } from './doctor-ko.ts'
import type { en } from './en.ts'
import { pagesKo } from './pages-ko.ts'

/** Every text, in Korean. */
export const ko: Record<keyof typeof en, string> = {
  ...pagesKo,
  ...doctorKo,

  'change.queued': '작업이 접수되었습니다.',
  'change.planning': '장면을 계획하고 있습니다…',
  'change.planned': '계획 완료, 세그먼트 {{count}}개: {{shots}}',
  'change.segment_started': '세그먼트 {{segment}}/{{of}} 생성 중… ({{title}})',
  'change.segment_waiting': '세그먼트 {{segment}}/{{of}}: 영상 모델 대기열에서 {{place}}번째입니다.',
  'change.segment_adopted': '세그먼트 {{segment}}/{{of}}: 먼저 보낸 요청을 찾아 이어갑니다.',
  'change.segment_done': '세그먼트 {{segment}}/{{of}} 완료.',
  'change.merging': '세그먼트를 하나로 잇고 있습니다…',
  'change.completed': '영상이 완성되었습니다.',
  'change.failed': '실패: {{reason}}',
  'change.cancel_requested': '취소하는 중입니다…',
  'change.cancelled': '취소되었습니다.',
  'change.resumed': '끊긴 곳부터 이어갑니다.',
  'change.retried': '실패한 세그먼트부터 다시 시도합니다.',

  'status.queued': '대기 중',
  'status.planning': '계획 중',
  'status.generating': '생성 중',
  'status.merging': '병합 중',
  'status.completed': '완료',
  'status.failed': '실패',
  'status.cancelled': '취소됨',

  'error.prompt_empty': 'prompt: 내용이 없습니다. 1~{{max}}자로 적어 주세요.',
  'error.prompt_too_long': 'prompt: {{given}}자는 너무 깁니다. {{max}}자까지 쓸 수 있습니다.',
  'error.option_invalid': '{{option}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: {{allowed}}.',
  'error.model_retired':
    'model: {{model}} 모델은 {{retired_on}}에 종료되었습니다. 대신 {{replacement}} 모델을 쓰세요.',
  'error.model_unavailable': 'model: {{model}} 모델은 여기에 연결되어 있지 않습니다. 가능한 값: {{allowed}}.',
  'error.option_unknown': '{{given}}: 없는 옵션입니다. 쓸 수 있는 옵션: {{allowed}}.',
  'error.combination_unsupported':
    '{{option}}: {{model}} 모델은 “{{given}}” 값을 지원하지 않습니다. 이 모델에서 가능한 값: {{allowed}}.{{advice}}',
  'error.combination_unsupported.advice': ' 모두 지원하는 모델: {{alternative}}.',
  'error.image_unreadable': 'image: {{given}} 파일을 이미지로 읽을 수 없습니다. 가능한 형식: {{allowed}}.',
  'error.image_too_large': 'image: {{given}} MB는 너무 큽니다. {{max}} MB까지 쓸 수 있습니다.',
  'error.image_too_small':
    'image: {{width}}×{{height}} 픽셀은 너무 작습니다. 각 변이 {{min}} 픽셀 이상이어야 합니다.',
  'error.hourly_limit': '한 시간에 {{limit}}편까지 만들 수 있습니다. 다음 요청은 {{when}}부터 가능합니다.',
  'error.active_limit':
    '끝나지 않은 작업은 동시에 {{limit}}개까지입니다. 다음 작업 중 하나가 끝나거나 취소되면 바로 가능합니다: {{jobs}}.',
  'error.price_unknown':
    'model: {{model}} 모델의 가격을 알 수 없는데 지출 한도가 설정되어 있습니다. 가격이 알려진 모델을 쓰세요.',
  'error.cost_over_job':
    '이 영상의 예상 비용은 약 {{estimate_usd}} USD이며, 한 편에 {{max_usd}} USD까지 쓸 수 있습니다. 세그먼트를 줄이거나 짧게 해 주세요.',
  'error.cost_over_day':
    '이 영상의 예상 비용은 약 {{estimate_usd}} USD이며, 24시간 동안 {{max_usd}} USD 중 {{spent_usd}} USD를 썼습니다. {{when}}부터 더 쓸 수 있습니다.',
  'error.disk_low':
    '지금은 새 영상을 만들 공간이 없습니다. 남은 공간은 {{free}} MB이고, {{least}} MB가 필요합니다. 이미 만들고 있는 영상은 계속됩니다. 서버를 운영하는 사람이 공간을 비운 뒤에 다시 시도해 주세요.',
  'error.job_not_found': '{{job_id}} 작업이 없습니다.',
  'error.job_not_retryable':
    '{{job_id}} 작업의 상태는 ‘{{status}}’입니다. 실패했거나 끊긴 작업만 이어갈 수 있습니다.',
  'error.job_not_cancellable':
    '{{job_id}} 작업의 상태는 ‘{{status}}’입니다. 끝나지 않은 작업만 취소할 수 있습니다.',
  'error.job_not_completed':
    '{{job_id}} 작업의 상태는 ‘{{status}}’입니다. 영상은 완성된 뒤에만 있으니 끝나기를 기다리거나 다시 시도해 주세요.',
  'error.film_expired':
    '{{job_id}} 작업의 영상은 더 이상 보관하지 않습니다. 여기서는 영상을 완성한 뒤 일정 기간이 지나면 지웁니다. 새로 만들어 주세요.',
  'error.size_unreachable': '이 영상은 {{given}} MB까지 줄일 수 없습니다. 적어도 {{least}} MB가 필요합니다.',
  'error.link_code_invalid':
    '이 코드는 쓸 수 없습니다. 잘못 입력했거나, 이미 쓴 코드이거나, 받은 지 {{minutes}}분이 지났습니다. Discord에서는 /sora-연결, Slack에서는 /sora link 명령으로 새 코드를 받으세요.',
  'error.link_limit':
    '틀린 코드는 한 시간에 {{limit}}번까지 입력할 수 있습니다. {{when}}부터 다시 입력할 수 있습니다.',
  'error.link_taken':
    '이 채팅 계정은 이미 다른 계정에 연결되어 있습니다. 영상을 보려면 그 계정으로 로그인하세요.',
  'error.sign_in_needed':
    '로그인하지 않았거나 로그인이 끝났습니다. 로그인하거나 올바른 액세스 토큰을 보내 주세요.',
  'error.sign_in_unavailable':
    '지금은 누구의 요청인지 확인할 수 없습니다({{reason}}). 잠시 후 다시 시도해 주세요.',
  'error.cross_site':
    '다른 사이트에서 온 요청이라 처리하지 않았습니다. 이 서버의 페이지에서 다시 보내 주세요.',
  'error.host_refused':
    '“{{host}}”: 계정이 없는 서버는 이 컴퓨터에서만 응답합니다. localhost나 127.0.0.1을 쓰세요.',
  'error.route_unknown':
    '{{path}}: 여기에는 아무것도 없습니다. 쓸 수 있는 주소는 /api/openapi.json에 있습니다.',
  'error.request_invalid': '요청을 읽을 수 없습니다({{reason}}).',
  'error.body_type_unknown': 'content-type: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: {{allowed}}.',
  'error.body_too_large': '보낸 내용이 너무 큽니다. {{max}} MB까지 보낼 수 있습니다.',
  'error.headers_too_large': '요청 헤더가 너무 큽니다. {{max}}바이트까지 보낼 수 있습니다.',
  'error.request_too_slow': '요청이 다 도착하기까지 너무 오래 걸렸습니다. 다시 보내 주세요.',
  'error.database_away':
    '지금 데이터베이스가 응답하지 않습니다. 이미 시작한 작업은 사라지지 않습니다. 1분 뒤에 다시 시도해 주세요.',
  'error.stopping': '프로그램을 멈추는 중입니다. 보통 1분 안에 다시 켜지니 잠시 뒤 다시 시도해 주세요.',
  'error.idempotency_key_invalid':
    'Idempotency-Key: 쓸 수 없는 값입니다. 가능한 값: ASCII 글자, 숫자, 기호 1~{{max}}자.',
  'error.idempotency_key_reused':
    'Idempotency-Key: 같은 키로 이미 다른 영상을 요청했습니다. 새 영상에는 새 키를 쓰세요.',
  'error.data_dir_unwritable':
    'DATA_DIR: {{path}} 폴더에 쓸 수 없습니다({{reason}}). 이 사용자가 쓸 수 있는 폴더를 지정하세요.',
  'error.data_dir_locked':
    'DATA_DIR: {{path}} 폴더는 프로세스 {{pid}}번이 {{since}}부터 쓰고 있습니다. 끝나기를 기다리거나 다른 폴더를 지정하세요.',
  'error.database_in_use':
    'DATABASE_URL: {{address}} 데이터베이스는 {{host}}에서 {{since}}부터 연결된 다른 Sora Extend가 쓰고 있습니다. 그쪽을 멈추거나, 양쪽 모두 QUEUE=pg-boss로 설정하세요.',
  'error.database_unreachable':
    'DATABASE_URL: {{address}} 서버가 응답하지 않습니다({{reason}}). 실행 중인 Postgres 서버의 주소를 지정하세요.',
  'error.ffmpeg_missing':
    'FFMPEG_PATH: 실행할 수 있는 ffmpeg가 없습니다(찾아본 곳: {{tried}}). ffmpeg를 설치하거나 경로를 지정하세요.',
  'error.out_unwritable':
    '--out: {{path}} 파일에 쓸 수 없습니다({{reason}}). 쓸 수 있는 폴더 안의 파일을 지정하세요.',
  'error.prompt_flagged': 'prompt: 내용 검사에서 거절되었습니다({{categories}}). 다른 표현으로 적어 주세요.',
  'error.planner_refused': '플래너가 이 프롬프트를 거절했습니다: {{reason}}. 다른 표현으로 적어 주세요.',
  'error.planner_cut_off':
    '플래너의 답이 중간에 끊겼습니다({{reason}}). 다시 시도하거나 세그먼트 수를 줄여 주세요.',
  'error.planner_timeout':
    '플래너가 {{seconds}}초 안에 답하지 않았습니다. 렌더링은 시작되지 않았으니 다시 시도해 주세요.',
  'error.planner_busy':
    '지금은 플래너가 요청을 더 받지 않습니다: {{reason}}. 렌더링은 시작되지 않았으니 나중에 다시 시도해 주세요.',
  'error.planner_down':
    '플래너에 연결할 수 없거나 고장이 났습니다: {{reason}}. 렌더링은 시작되지 않았으니 나중에 다시 시도해 주세요.',
  'error.planner_key_refused':
    'OPENAI_API_KEY: 플래너가 키를 거절했습니다({{reason}}). 운영자가 올바른 키를 설정해야 합니다.',
  'error.render_policy':
    '영상 모델의 콘텐츠 정책이 세그먼트 {{segment}} 요청을 거절했습니다: {{reason}}. 다른 표현으로 적어 주세요.',
  'error.render_given_up':
    '세그먼트 {{segment}} 생성이 너무 오래 걸려 중단했습니다: {{reason}}. 끝난 부분은 보관되며 다시 시도하면 새로 요청합니다.',
  'error.plan_invalid': '플래너의 답이 형식에 맞지 않습니다: {{reason}}. 다시 시도해 주세요.',
  'error.render_rejected': '영상 모델이 세그먼트 {{segment}} 요청을 거절했습니다: {{reason}}.',
  'error.render_unavailable':
    '세그먼트 {{segment}} 생성에 실패했고, 나중에는 될 수 있습니다: {{reason}}. 끝난 부분은 보관되며 다시 시도하면 여기서 이어갑니다.',
  'error.render_outcome_unknown':
    '세그먼트 {{segment}} 요청이 접수되었는지 알 수 없습니다({{reason}}). 더 결제된 것은 없으며, 다시 시도하면 이 세그먼트 하나가 두 번 결제될 수 있습니다.',
  'error.clip_unusable':
    '세그먼트 {{segment}}의 영상 파일을 재생할 수 없습니다({{reason}}). 여러 번 내려받았지만 같은 결과였고, 비용은 한 번만 나갔습니다. 다시 시도하면 파일을 다시 받아 보고, 그래도 재생되지 않으면 이 세그먼트를 새로 만들며 비용이 한 번 더 듭니다.',
  'error.clip_unfetched':
    '세그먼트 {{segment}}의 영상은 만들어졌고 비용도 나갔지만, 파일을 내려받지 못했습니다: {{reason}}. 다시 시도하면 추가 비용 없이 다시 내려받습니다.',
  'error.clip_lost':
    '세그먼트 {{segment}}의 완성된 영상을 더는 가져올 수 없습니다: {{reason}}. 처음부터 다시 만들어 주세요.',
  'error.join_failed':
    '세그먼트를 잇지 못했습니다: {{reason}}. 세그먼트는 보관되며 다시 시도하면 잇기부터 합니다.',
  'error.store_failed':
    '영상을 저장하지 못했습니다: {{reason}}. 영상은 보관되며 다시 시도하면 새로 만들지 않고 저장만 합니다.',
  'error.disk_full':
    '디스크가 가득 찼습니다({{path}}). 공간을 비운 뒤 다시 시도하세요. 끝난 부분은 보관됩니다.',
  'error.internal':
    '예상하지 못한 문제가 생겼습니다: {{reason}}. 끝난 부분은 보관되며 다시 시도하면 여기서 이어갑니다.',

  'config.not_whole_number':
    '{{variable}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: {{allowed}} 사이의 정수.',
  'config.not_one_of': '{{variable}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: {{allowed}}.',
  'config.not_web_address': '{{variable}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: 웹 주소, {{allowed}}.',
  'config.not_usd': '{{variable}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: USD 금액, {{allowed}}.',
  'config.not_bucket_name': '{{variable}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: {{allowed}} 63자까지.',
  'config.needed_with':
    '{{variable}}: 설정되지 않았는데 {{allowed}} 설정에 필요합니다. 둘 다 설정하거나 둘 다 비우세요.',
  'config.part_needs_queue':
    '{{variable}}: “npm start -- {{given}}” 방식으로 시작하려면 {{allowed}} 값이 필요합니다. 프로세스 안의 대기열은 다른 프로세스와 나눌 수 없습니다.',
  'config.needs_one_of': '{{variable}}: 혼자서는 쓸 수 없습니다. 다음 중 하나도 설정하세요: {{allowed}}.',
  'config.needs_accounts':
    '{{variable}}: “{{given}}” 주소는 다른 컴퓨터에서도 열려, SUPABASE_URL 없이는 누구나 이 서버를 쓸 수 있습니다. 가능한 값: {{allowed}}.',
  'config.not_origins': '{{variable}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: {{allowed}}.',
  'config.not_slack_token': '{{variable}}: 이 종류의 토큰이 아닙니다. 가능한 값: {{allowed}}',
  'config.not_slack_secret': '{{variable}}: 서명 시크릿이 아닙니다. 가능한 값: {{allowed}}.',
  'config.not_discord_id':
    '{{variable}}: “{{given}}” 값은 쓸 수 없습니다. 가능한 값: {{allowed}} 같은 서버 ID.',
  'config.not_public_key': '{{variable}}: 공개 키가 아닙니다. 가능한 값: {{allowed}}.',
  'config.not_postgres_url': '{{variable}}: Postgres 데이터베이스 주소가 아닙니다. 가능한 값: {{allowed}}.',

  'film.expired': '보관 기간 지남',
  'film.made_by_ai': '이 영상은 AI로 생성되었습니다({{model}}).',
  'film.made_by_program': '이 영상은 영상 모델이 아니라 프로그램이 그렸습니다({{model}}).',
  'film.encoded': '다시 인코딩한 세그먼트: {{what}}.',
  'film.encoded.picture': '화면 {{segments}}',
  'film.encoded.sound': '소리 {{segments}}',

  'finding.undecodable':
    '영상을 오류 없이 디코딩할 수 없습니다({{reason}}). 공유하기 전에 확인하고, 깨져 있으면 새로 만들어 주세요.',
  'finding.short_segment':
    '세그먼트 {{segment}}의 길이가 {{asked}}초가 아니라 {{delivered}}초입니다. 영상 모델이 요청보다 짧게 만들었습니다.',
  'finding.picture_length':
    '화면 길이가 {{planned}}초가 아니라 {{measured}}초입니다. 끝부분이 빠지지 않았는지 확인해 주세요.',
  'finding.sound_length': '소리 길이는 {{measured}}초이고 화면 길이는 {{planned}}초입니다.',
  'finding.sound_offset': '세그먼트가 만나는 곳에서 소리와 화면이 최대 {{ms}} ms 어긋납니다: {{seams}}.',
  'finding.cut':
    '다음 세그먼트는 앞 세그먼트에서 이어지지 않아 화면이 튑니다: {{seams}}. 크로스페이드를 쓰면 부드러워집니다.',
  'finding.visible_seam':
    '다음 세그먼트 사이의 이음매가 눈에 띕니다: {{seams}}. 크로스페이드를 쓰면 부드러워집니다.',
  'finding.drift':
    '뒤로 갈수록 화면이 세그먼트 1과 달라집니다. 세그먼트 {{segment}}에서는 255단계 중 색이 {{colour}}단계, 대비가 {{contrast}}단계 다릅니다. 세그먼트를 줄이면 덜 달라집니다.',
  'finding.black': '{{from}}~{{to}}초에 화면이 검습니다(세그먼트 {{segments}}).',
  'finding.silence':
    '{{from}}~{{to}}초에 소리가 없습니다(세그먼트 {{segments}}). 나머지 부분에는 소리가 있습니다.',
  'finding.seam': '{{before}}→{{after}}({{at}}초)',

  'cli.doctor': '프롬프트 대신 doctor를 쓰면 설치 상태를 확인하고 고칠 것을 알려 줍니다.',
  'cli.doctor_alone': 'doctor는 설치 상태를 확인합니다. 함께 쓸 수 있는 옵션은 --json과 --lang뿐입니다.',
  'cli.description': '프롬프트 하나로 길고 자연스럽게 이어지는 영상을 만듭니다.',
  'cli.prompt': '영상의 내용, 1~{{max}}자',
  'cli.segments': '장면 수, {{allowed}}',
  'cli.seconds': '장면 하나의 길이(초): {{allowed}}',
  'cli.resolution': '해상도: {{allowed}}',
  'cli.aspect': '화면비: {{allowed}}',
  'cli.crossfade': '장면이 다음 장면으로 겹치며 넘어가는 시간(ms): 0–{{max}} (0)',
  'cli.level_sound': '모든 장면의 소리 크기를 같게 맞추기',
  'cli.keep_clips': '장면별 영상도 함께 보관',
  'cli.model': '영상 모델: {{allowed}}',
  'cli.image': '영상이 시작되는 이미지(PNG, JPEG, WebP)',
  'cli.out': '영상을 저장할 파일',
  'cli.previews': '포스터, 장면 모음 이미지, 짧은 무음 미리보기도 만들기',
  'cli.max_size': '이 크기(MB)를 넘지 않는 전체 영상도 만들기: {{allowed}}',
  'cli.json': '변화마다 JSON 한 줄씩 출력',
  'cli.yes': '가격에 미리 동의',
  'cli.price': '예상 비용은 약 {{usd}} USD입니다({{model}}).',
  'cli.price_unknown': '비용을 미리 알 수 없습니다({{model}}).',
  'cli.agree': '계속할까요? [y/N] ',
  'cli.cost': '비용은 {{usd}} USD였습니다.',
  'cli.cost_unknown': '제공자가 비용을 알려 주지 않았습니다.',
  'cli.resume': '끊겼거나 실패한 작업을 이어가기',
  'cli.list': '내 작업 보기',
  'cli.cancel': '작업 취소',
  'cli.lang': '글의 언어: {{allowed}}',
  'cli.help': '도움말 보기',
  'cli.one_thing': '프롬프트와 --resume, --list, --cancel 중 하나만 쓰세요.',
  'cli.unknown_option': '{{given}} 옵션은 없습니다. --help로 모두 볼 수 있습니다.',
  'cli.missing_value': '{{given}} 옵션에는 값이 필요합니다. --help로 모두 볼 수 있습니다.',
  'cli.stand_in':
    '연결된 영상 모델이 없어 로컬 대역 플래너와 대역 모델을 씁니다. 비용이 들지 않으며, 그림은 프로그램이 그립니다.',
  'cli.job': '작업 {{job_id}}',
  'cli.cut_off': '끊긴 작업: {{jobs}}. --resume ID로 이어가거나 --cancel ID로 끝낼 수 있습니다.',
  'cli.interrupted': '취소하는 중입니다… (Ctrl-C를 한 번 더 누르면 바로 나갑니다)',
  'cli.in_line':
    '아직 차례를 기다리고 있습니다. 먼저 만드는 영상이 있거나, 지금 영상을 만드는 프로세스가 없습니다(QUEUE=pg-boss라면 npm start -- worker).',
  'cli.left': '멈췄습니다. --resume {{job_id}} 명령으로 이어갑니다.',
  'cli.left_elsewhere':
    '더 지켜보지 않습니다. 영상은 실행 중인 프로그램이 만듭니다. --resume {{job_id}} 명령으로 진행 상황을 볼 수 있습니다.',
  'cli.film': '{{place}} — {{seconds}}초, {{width}}×{{height}}, {{megabytes}} MB',
  'cli.preview.poster': '포스터: {{place}}',
  'cli.preview.sheet': '장면 모음: {{place}}',
  'cli.preview.preview': '무음 미리보기: {{place}}',
  'cli.preview.smaller': '줄인 영상: {{place}}',
  'cli.clip': '세그먼트 {{segment}}: {{place}}',
  'cli.retry': '--resume {{job_id}} 명령으로 다시 시도합니다.',
  'cli.no_jobs': '아직 작업이 없습니다.',

  'command.sora.name': 'sora',
  'command.sora.about': '프롬프트 하나로 긴 영상 한 편 만들기',
  'command.sora-jobs.name': 'sora-작업',
  'command.sora-jobs.about': '내 영상의 상태와 링크 보기',
  'command.sora-cancel.name': 'sora-취소',
  'command.sora-cancel.about': '만들고 있는 영상 취소하기',
  'command.sora-link.name': 'sora-연결',
  'command.sora-link.about': '웹 페이지에서도 내 영상을 볼 수 있는 코드 받기',
  'command.sora-help.name': 'sora-도움말',
  'command.sora-help.about': '남은 한도, 모델과 가격 보기',

  'option.prompt.name': '프롬프트',
  'option.prompt.about': '영상의 내용, 1~500자',
  'option.segments.name': '세그먼트',
  'option.segments.about': '장면 수, 2~10(기본 4)',
  'option.seconds.name': '초',
  'option.seconds.about': '장면 하나의 길이(초, 기본 8)',
  'option.resolution.name': '해상도',
  'option.resolution.about': '화면의 짧은 변(기본 720p)',
  'option.aspect.name': '화면비',
  'option.aspect.about': '화면의 가로세로 비율(기본 16:9)',
  'option.model.name': '모델',
  'option.model.about': '영상 모델',
  'option.image.name': '이미지',
  'option.image.about': '영상이 시작되는 이미지: PNG, JPEG, WebP',
  'option.job.name': '작업',
  'option.job.about': '취소할 영상',

  'model.price': '초당 {{usd}} USD',
  'model.price_unknown': '가격 알 수 없음',

  'card.taking_in': '작업을 접수하고 있습니다…',
  'card.segment': '세그먼트 {{segment}}/{{of}}',
  'card.asked': '영상',
  'card.length': '{{count}} × {{seconds}}초',
  'card.film': '완성본',
  'card.film_facts': '{{seconds}}초 · {{width}}×{{height}} · {{megabytes}} MB',
  'card.started': '시작',
  'card.left': '완성 예상',
  'card.took': '걸린 시간',
  'card.cost': '비용',
  'card.cost_about': '약 {{usd}} USD',
  'card.cost_usd': '{{usd}} USD',
  'card.cost_unknown': '알 수 없음',
  'card.smaller': '여기에 보이는 영상은 크기를 줄인 것입니다.',
  'card.kept': '영상을 여기에 올릴 수 없습니다. 봇 운영자가 {{key}} 파일로 보관하고 있습니다.',
  'card.link_days': '링크는 {{days}}일 동안 열립니다. {{jobs}} 명령으로 새 링크를 받을 수 있습니다.',
  'card.last_words':
    '이 카드는 여기서 더 갱신할 수 없습니다. 진행 상황은 {{jobs}} 명령으로 볼 수 있고, 끝나면 개인 메시지로 알려 드립니다.',
  'card.made_by_ai': '이 영상과 이미지는 AI로 생성됩니다({{model}}).',
  'card.made_by_program': '이 영상과 이미지는 AI 모델이 아니라 프로그램이 만듭니다({{model}}).',
  'card.cancel': '취소',
  'card.retry': '다시 시도',
  'card.open': '열기',

  'notice.completed': '영상이 완성되었습니다: {{title}}',
  'notice.failed': '영상을 완성하지 못했습니다: {{title}}',
  'notice.on_card': '채팅에 있는 카드에서 볼 수 있습니다.',
  'answer.not_in_channel':
    '이 채널에는 글을 쓸 수 없어 영상 카드를 개인 메시지로 보냈습니다. 다음부터 여기에서 보려면 저를 초대해 주세요: /invite {{bot}}',
  'answer.channel_closed':
    '보관되었거나 읽기 전용인 채널이라 글을 쓸 수 없어 영상 카드를 개인 메시지로 보냈습니다.',
  'answer.nowhere':
    '이 채널에도 개인 메시지에도 글을 쓸 수 없어 영상을 시작하지 않았습니다. 저를 여기에 초대해 주세요: /invite {{bot}}',
  'notice.show_card': '카드 보기',

  'answer.not_yours': '이 버튼은 영상을 요청한 사람만 쓸 수 있습니다.',
  'answer.cancelled': '취소했습니다: {{title}}',
  'answer.cancel_which': '어떤 영상을 취소할까요?',
  'answer.nothing_to_cancel': '지금 만들고 있는 영상이 없습니다.',
  'answer.no_jobs': '아직 요청한 영상이 없습니다. /sora 명령으로 만들 수 있습니다.',
  'answer.failed': '예상하지 못한 문제가 생겼습니다. 다시 시도해 보고, 계속되면 봇 운영자에게 알려 주세요.',

  'link.code': '코드: {{code}}',
  'link.use':
    '웹 페이지의 ‘채팅 계정 연결’에 입력하세요. {{when}}까지 한 번만 쓸 수 있습니다. 연결하면 여기서 요청한 영상을 웹 페이지에서도 볼 수 있고, 한도도 함께 적용됩니다.',
  'link.secret': '코드를 다른 사람에게 알려 주지 마세요. 코드를 입력한 사람이 내 영상을 갖게 됩니다.',
  'link.open': '페이지 열기',

  'modal.title': '새 영상',
  'modal.submit': '만들기',
  'modal.close': '닫기',

  'help.how':
    '/sora 명령은 프롬프트 하나로 영상을 만듭니다. {{seconds}}초짜리 장면 {{segments}}개가 앞 장면이 끝난 바로 그 자리에서 이어집니다.',
  'help.hour': '최근 한 시간의 영상: {{limit}}편 중 {{used}}편',
  'help.active': '끝나지 않은 영상: {{limit}}편 중 {{used}}편',
  'help.link': '{{command}} 명령으로 받은 코드를 쓰면 웹 페이지에서도 내 영상을 볼 수 있습니다.',
  'help.models': '모델',
  'help.model': '{{model}}({{id}}): {{price}}; {{seconds}}초; {{resolutions}}',
  'help.retired': '종료된 모델: {{models}}',

  'start.ffmpeg': 'ffmpeg {{version}}({{path}})',
  'start.database': '데이터베이스: {{what}}',
  'start.embedded': '내장, {{folder}}',
  'start.server': 'Postgres 서버',
  'start.planner': '플래너: {{what}}',
  'start.models': '영상 모델: {{what}}',
  'start.objects': '영상 보관: {{what}}',
  'start.stand_in': '로컬 대역({{variable}} 설정으로 실제 서비스를 연결합니다)',
  'start.in_folder': '{{folder}} ({{variable}} 설정으로 Supabase에 보관합니다)',
  'start.part_all': '작업을 받고 실행합니다. 다른 프로세스와 함께 쓸 수 있습니다(QUEUE=pg-boss)',
  'start.part_serve': '작업을 받기만 합니다. 실행은 “npm start -- worker” 프로세스가 합니다',
  'start.part_worker': '작업을 실행합니다. 몇 개든 함께 띄울 수 있습니다',
  'start.health': '상태와 지표: {{address}}/healthz, /readyz, /metrics',
  'start.web': '웹 페이지와 API: {{address}} ({{who}})',
  'start.web_accounts': 'Supabase로 로그인합니다',
  'start.web_single': '이 컴퓨터에서 혼자 씁니다. 여러 사람이 쓰려면 SUPABASE_URL을 설정하세요',
  'start.public': '채팅의 링크: {{address}}',
  'start.public_off': '채팅의 링크: 영상 파일로 바로 열립니다. PUBLIC_URL을 설정하면 영상 페이지로 열립니다',
  'start.discord': 'Discord: {{name}}, 서버 {{guilds}}개, {{door}}',
  'start.stands_by':
    '{{chat}}: 다른 프로세스가 연결되어 있습니다. 그 프로세스가 끝나면 이 프로세스가 이어받습니다.',
  'start.unreachable': '{{chat}}: 지금 연결할 수 없어 몇 초마다 다시 시도합니다.',
  'start.discord_off':
    'Discord: 꺼짐. DISCORD_TOKEN에 봇 토큰을 넣으세요. 토큰을 얻는 방법은 README.ko.md에 있습니다.',
  'start.slack': 'Slack: {{team}}의 {{name}}, {{door}}',
  'start.connection': '직접 연결',
  'start.signed_requests': '{{address}} 주소로 오는 서명된 요청',
  'start.slack_off':
    'Slack: 꺼짐. SLACK_BOT_TOKEN과 함께 SLACK_APP_TOKEN이나 SLACK_SIGNING_SECRET을 넣으세요. 얻는 방법은 README.ko.md에 있습니다.',
  'start.slack_refused':
    '{{variable}}: Slack이 거절했습니다({{reason}}). api.slack.com/apps에서 토큰을 다시 복사하세요.',
  'start.port_taken': 'PORT: {{address}} 주소를 열 수 없습니다({{reason}}). HOST나 PORT를 바꾸세요.',
  'start.token_refused': 'DISCORD_TOKEN: Discord가 거절했습니다. 개발자 포털에서 봇 토큰을 다시 복사하세요.',
  'start.discord_key_wrong':
    'DISCORD_PUBLIC_KEY: DISCORD_TOKEN이 속한 애플리케이션의 키가 아닙니다. 개발자 포털의 General Information에서 다시 복사하세요.',
  'start.discord_lost':
    'Discord가 연결을 완전히 끊었습니다({{code}}). 개발자 포털에서 봇 토큰을 다시 복사한 뒤 다시 시작하세요. 끝나지 않은 작업은 그때 이어갑니다.',
  'start.unfinished': '이어서 하는 작업: {{count}}개',
  'start.nothing': '연결된 채팅이 없습니다. 영상은 웹 페이지, API, 명령줄에서 요청할 수 있습니다.',
  'start.ready': '준비되었습니다. SIGTERM이나 Ctrl-C로 멈추며, 끝나지 않은 작업은 다음 시작 때 이어갑니다.',
}
