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

# parameters NAME...: the values of several, one a line, in this order.
parameters() {
  local names=("${@/#//cityflow/$CITYFLOW_ENVIRONMENT/}") found name
  found="$(aws ssm get-parameters --names "${names[@]}" --query 'Parameters[].[Name,Value]' --output text)" || die "cannot read parameters in $AWS_REGION"
  for name in "${names[@]}"; do
    awk -F '\t' -v name="$name" '$1 == name { print $2; found = 1 } END { exit !found }' <<<"$found" ||
      die "there is no parameter $name in $AWS_REGION: deploy the stacks first (docs/deploy.md)"
  done
}

# dry says whether nothing may be changed (all --dry-run).
dry() { [ -n "${CITYFLOW_DRY_RUN:-}" ]; }

# summary TEXT: a line for the log, and for the summary of the workflow.
summary() {
  say "$*"
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then printf '%s\n' "$*" >>"$GITHUB_STEP_SUMMARY"; fi
}
