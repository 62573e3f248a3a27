# The project on the CPU. Works with the code mounted over /opt/app and without.
#   docker build -t age-gender-estimation -f Dockerfile .
#   docker run --rm -it age-gender-estimation bin/demo.sh
FROM python:3.11-slim-bookworm

WORKDIR /opt/app

# HOME and the caches may belong to nobody: with --user the caller has no home in the image.
ENV PYTHONPATH=/opt/app \
    PYTHONUNBUFFERED=1 \
    TF_ENABLE_ONEDNN_OPTS=1 \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib

# Before the code, so that changing the code does not install everything again.
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt

COPY LICENSE README.md ./
COPY bin bin
COPY examples examples
COPY pretrained pretrained
COPY age_gender_estimation age_gender_estimation
RUN mkdir -m 1777 var data

CMD ["python3", "bin/predict.py", "--help"]
