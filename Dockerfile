# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libjemalloc2 tini && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --create-home clawdbot && mkdir /data && chown clawdbot /data
ENV NODE_ENV=production CLAWDBOT_DATA_DIR=/data CLAWDBOT_CONFIG=/config MALLOC_CONF=background_thread:true,metadata_thp:auto
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/bin ./bin
COPY config /config
COPY permissions.yaml /permissions.yaml
USER clawdbot
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["bin/clawdbot", "status", "--probe", "ready"]
ENTRYPOINT ["tini", "--", "bin/clawdbot"]
# Loopback inside a container is out of reach: name the address, and a token for every channel that clients log in to.
CMD ["start"]
