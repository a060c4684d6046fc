# docker build -f tools/sinks/smtp-sink.Dockerfile -t sagamesh/smtp-sink:0.1.0 .
# The stages up to "build" are the same in every Dockerfile of this repository, so that they run once for all images.
ARG NODE_IMAGE=node:24-bookworm-slim

# The packages depend on the package files only, and not on what those export: a changed source does not fetch them again.
FROM ${NODE_IMAGE} AS package-files
WORKDIR /src
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete && find . -type d -empty -delete \
  && node -e "const fs = require('fs'); for (const file of process.argv.slice(1)) { const { exports, ...rest } = JSON.parse(fs.readFileSync(file)); fs.writeFileSync(file, JSON.stringify(rest)); }" $(find . -name package.json)

FROM ${NODE_IMAGE} AS build
WORKDIR /src
# Another npm registry, if that of npm cannot be reached from here.
ARG NPM_CONFIG_REGISTRY
COPY --from=package-files /src .
RUN npm ci --no-fund --no-audit
COPY . .
RUN node --import tsx tools/build/src/bundle-cli.ts

FROM ${NODE_IMAGE}
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 SMTP_PORT=1025
COPY --from=build /src/dist/smtp-sink.mjs main.mjs
USER 1000:1000
EXPOSE 1025 3000
CMD ["node", "main.mjs"]
