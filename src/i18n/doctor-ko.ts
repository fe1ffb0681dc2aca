import type { doctorEn } from './doctor-en.ts'

/** The texts of `npm run doctor`, in Korean. */
export const doctorKo: Record<keyof typeof doctorEn, string> = {
  'doctor.name.settings': '설정',
  'doctor.name.data': '데이터 폴더',
  'doctor.name.disk': '디스크',
  'doctor.name.ffmpeg': 'ffmpeg',
  'doctor.name.database': '데이터베이스',
  'doctor.name.storage': '저장소',
  'doctor.name.openai': 'OpenAI',
  'doctor.name.fal': 'fal',
  'doctor.name.models': '영상 모델',
  'doctor.name.discord': 'Discord',
  'doctor.name.slack': 'Slack',
  'doctor.name.clock': '시계',

  'doctor.settings_right': '모든 변수를 쓸 수 있습니다',
  'doctor.off': '연결하지 않았습니다. {{variable}} 변수로 연결합니다',
  'doctor.failed': '확인하지 못했습니다({{reason}}). 네트워크를 확인하고 다시 실행하세요.',
  'doctor.data_ready': '{{path}} 폴더를 쓸 수 있습니다',
  'doctor.data_held': '{{path}} 폴더는 실행 중인 프로그램(프로세스 {{pid}})이 쓰고 있습니다',
  'doctor.disk_enough': '남은 공간 {{free}} MB, 필요한 공간 {{least}} MB',
  'doctor.ffmpeg_runs': '{{version}} ({{path}})',
  'doctor.database_answers': 'Postgres {{version}}, 응답 시간 {{ms}} ms, 최신 상태',
  'doctor.database_new':
    'Postgres {{version}} 서버가 응답합니다. 마이그레이션 {{count}}개가 남아 있으며, 다음에 시작할 때 적용됩니다.',
  'doctor.database_ahead':
    'Postgres {{version}} 서버에 이 버전이 모르는 마이그레이션이 {{count}}개 적용되어 있습니다. 더 새로운 버전을 실행하거나, 그 전의 백업을 복원하세요.',
  'doctor.database_deaf':
    'Postgres {{version}} 서버가 응답하지만 알림이 오지 않습니다. 중간에 트랜잭션 풀러가 있습니다. 모두 작동하지만 최대 2초씩 늦습니다. DATABASE_URL에 직접 연결 주소나 세션 풀러의 주소를 지정하세요.',
  'doctor.database_embedded': '내장 데이터베이스, {{path}}',
  'doctor.storage_works': '{{where}}: 파일을 넣고 읽고 지우는 데 {{ms}} ms',
  'doctor.storage_fails': '{{where}}: {{reason}}',
  'doctor.key_works': '키가 작동합니다({{ms}} ms)',
  'doctor.key_refused':
    '{{variable}} 값이 거부되었습니다({{reason}}). 새로 복사해 넣으세요. 어디에서 얻는지는 README.ko.md에 있습니다.',
  'doctor.no_answer':
    '{{host}} 서버가 응답하지 않습니다({{reason}}). 네트워크와, 따로 지정했다면 그 주소를 확인하세요.',
  'doctor.planner_model_closed':
    '키는 작동하지만 {{model}} 모델을 쓸 수 없습니다. PLANNER_MODEL에 쓸 수 있는 모델을 지정하세요.',
  'doctor.discord_sends_requests':
    '토큰은 작동하지만 Discord가 연결된 봇이 아니라 {{url}} 주소로 요청을 보냅니다. DISCORD_PUBLIC_KEY를 지정하거나 개발자 포털의 “Interactions Endpoint URL”을 비우세요.',
  'doctor.discord_key_wrong':
    '토큰은 작동하지만 DISCORD_PUBLIC_KEY가 다른 애플리케이션의 키입니다. 개발자 포털의 General Information에서 다시 복사하세요.',
  'doctor.discord_has_no_url':
    '토큰과 키는 작동하지만 Discord가 요청을 보낼 곳을 모릅니다. 프로그램을 시작한 뒤 개발자 포털의 “Interactions Endpoint URL”에 PUBLIC_URL/discord/interactions를 넣으세요.',
  'doctor.models_live': '{{count}}개가 카탈로그와 같습니다',
  'doctor.models_changed':
    'fal에서 바뀌거나 종료된 모델이 있습니다: {{differences}}. VIDEO_MODEL로 다른 모델을 고르거나 새 버전을 설치하세요.',
  'doctor.clock_right': '{{host}} 기준 {{seconds}}초 차이',
  'doctor.clock_wrong':
    '{{host}} 기준 {{seconds}}초 차이가 납니다. 서명, 토큰, 링크가 거부됩니다. NTP로 시각을 맞추세요.',
  'doctor.clock_unknown': '시각을 알려 주는 서비스가 연결되어 있지 않습니다',

  'doctor.all_right': '모두 정상입니다.',
  'doctor.some_wrong': '고칠 것: {{count}}개',
}
