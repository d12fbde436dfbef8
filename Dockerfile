# syntax=docker/dockerfile:1
# pysid on a CPU:       docker build -t pysid --build-arg TORCH_INDEX=... .      (the index of builds for CPUs)
# on a GPU:             docker build -t pysid:cuda .
# with all extras:      docker build -t pysid:all --build-arg EXTRAS='[all]' .
# Use (docs/how-to/docker.md):
#   docker run --rm --read-only --network none --tmpfs /tmp -v "$PWD:/data" --user "$(id -u):$(id -g)" pysid diarize meeting.wav
# pip's cache is a mount, Debian keeps no old versions, and nobody is in every image:
# hadolint global ignore=DL3042,DL3008,DL3066
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ARG TORCH_INDEX=
ARG EXTRAS=
WORKDIR /src
COPY constraints.txt pyproject.toml setup.cfg README.md LICENSE ./
RUN python -m venv /opt/pysid
ENV PATH=/opt/pysid/bin:$PATH PIP_CACHE_DIR=/var/cache/pip
# torch first, of the build asked for: a version alone takes the one for CUDA.
RUN --mount=type=cache,target=/var/cache/pip \
    pip install -c constraints.txt --no-deps ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch torchaudio
COPY pysid pysid
RUN --mount=type=cache,target=/var/cache/pip pip install -c constraints.txt ".${EXTRAS}"

FROM python:${PYTHON}-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/pysid /opt/pysid
ENV PATH=/opt/pysid/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1
# No user of the host has this name's rights; the file system needs to be written to only below /tmp and /data.
USER nobody
WORKDIR /data
ENTRYPOINT ["pysid"]
CMD ["--help"]
