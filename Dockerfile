# docker build -t keras_gan . && docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/runs" keras_gan train --epochs 30000
FROM python:3.13-slim
COPY . /src
# With an NVIDIA GPU: pip install --no-cache-dir /src "tensorflow[and-cuda]", and docker run --gpus all.
RUN pip install --no-cache-dir /src && rm -r /src
# The folder of the user holds the runs and, in .keras, the data sets.
ENV HOME=/tmp KERAS_HOME=/runs/.keras
WORKDIR /runs
ENTRYPOINT ["keras-gan"]
CMD ["--help"]
