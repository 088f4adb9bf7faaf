FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json ./
COPY scripts ./scripts
COPY src ./src
# The templates of `sluice init`.
COPY examples ./examples
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# LangGraph is a peer and also a package for development, so --omit=dev would leave it out.
RUN npm pkg delete devDependencies && npm install

FROM node:24-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8123 DATA_DIR=/data
WORKDIR /app
COPY package.json ./
# The bundled assistant looks things up in the documents.
COPY README.md PROTOCOL.md ARCHITECTURE.md ./
COPY docs ./docs
COPY config ./config
COPY knowledge ./knowledge
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# A volume takes its owner from the folder it covers.
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 8123
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# Node itself, not npm: npm would stand between the server and its signals.
CMD ["node", "dist/main.js", "serve"]
