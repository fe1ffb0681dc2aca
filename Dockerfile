# syntax=docker/dockerfile:1
# One image for all parts: without a word it is all in one; `serve` and `worker` are the parts of QUEUE=pg-boss.

FROM node:24-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# ffmpeg and Node come with the image: no package has to bring them
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends ffmpeg tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json LICENSE ./
COPY drizzle ./drizzle
COPY src ./src
# /data is where a volume goes; the cache is what Node compiles, for the next start
RUN install -d -o node -g node /data node_modules/.cache
USER node
ENV NODE_ENV=production DATA_DIR=/data FFMPEG_PATH=/usr/bin/ffmpeg PORT=3000
# a start and an end in order: an image that can't do that isn't made, and what was compiled stays in it
RUN PORT=0 DATA_DIR=/tmp/first timeout --signal=TERM 20 node --import ./src/compile-cache.js src/main.ts || [ "$?" -eq 124 ] \
  && rm -rf /tmp/first
EXPOSE 3000
# a worker answers there too
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# npm would stand between and keep SIGTERM to itself; tini hands it on, and takes up what a killed ffmpeg leaves
ENTRYPOINT ["tini", "--", "node", "--import", "./src/compile-cache.js", "src/main.ts"]
