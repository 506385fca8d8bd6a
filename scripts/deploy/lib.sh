# shellcheck shell=bash
# What the deploy scripts share. Settings come from SSM parameters that the
# stacks wrote (/cityflow/<environment>/...), so that no script holds a name.
set -euo pipefail

CITYFLOW_ENVIRONMENT="${CITYFLOW_ENVIRONMENT:-prod}"
export AWS_PAGER="" AWS_REGION="${AWS_REGION:-eu-west-2}"
export AWS_DEFAULT_REGION="$AWS_REGION"

say() { printf '%s\n' "$*" >&2; }
die() { say "deploy: $*"; exit 1; }

# parameter NAME: the value of a setting.
parameter() {
  aws ssm get-parameter --name "/cityflow/$CITYFLOW_ENVIRONMENT/$1" --query Parameter.Value --output text ||
    die "there is no parameter /cityflow/$CITYFLOW_ENVIRONMENT/$1 in $AWS_REGION: deploy the stacks first (docs/deploy.md)"
}

# dry says whether nothing may be changed (all --dry-run).
dry() { [ -n "${CITYFLOW_DRY_RUN:-}" ]; }

# summary TEXT: a line for the log, and for the summary of the workflow.
summary() {
  say "$*"
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then printf '%s\n' "$*" >>"$GITHUB_STEP_SUMMARY"; fi
}
