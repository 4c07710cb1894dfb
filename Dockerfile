# henkan on a CPU:  docker build -t henkan . && docker run --rm -v "$PWD:/work" henkan train scale=smoke
FROM python:3.11-slim
RUN pip install --no-cache-dir uv
COPY . /source
# PyTorch without CUDA, a fifth of the size. Installed, not run from the checkout: its conf/ is not the person's.
RUN uv pip install --system --no-cache --torch-backend cpu /source && rm -r /source
# As whoever owns the mounted folder, with --user "$(id -u):$(id -g)": what henkan keeps of data lies in there too.
ENV XDG_CACHE_HOME=/work/.cache XDG_STATE_HOME=/work/.cache
WORKDIR /work
ENTRYPOINT ["henkan"]
CMD ["--help"]
