# One image for all services except Triton: docker run readability-scoring <service> [options]
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN node build.mjs --release \
 && rm -r dist/bench \
 && npm prune --omit=dev \
 && cd node_modules/onnxruntime-node/bin/napi-v6 \
 && rm -rf darwin win32 \
 && find linux -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -rf {} +

FROM node:20-bookworm-slim
ENV NODE_ENV=production HF_HOME=/app/cache ORT_DISABLE_TELEMETRY=1
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build /app/models models
COPY --from=build /app/data data
# Services write to volumes. A new volume gets the owner of its folder in the image.
RUN mkdir -p artifacts/repository cache data/input && chown -R node:node artifacts cache
USER node
EXPOSE 5000 8000 8002
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["--help"]
