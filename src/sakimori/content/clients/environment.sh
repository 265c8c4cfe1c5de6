# SDKs and tools that read OpenAI's environment variables. Put it at /etc/profile.d/sakimori.sh; the key is each user's own
# (`sakimori keys issue NAME --scope gateway`) and does not belong in this file.
export OPENAI_BASE_URL="{base_url}"
export OPENAI_API_KEY="${SAKIMORI_SERVICE_KEY:-}"
