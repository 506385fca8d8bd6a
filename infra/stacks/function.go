package stacks

import (
	_ "embed"
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
)

// LiveAlias is what callers of a function call. api-deploy moves it to each
// new version; the stack makes it once and never touches it again.
const LiveAlias = "live"

//go:embed placeholder/bootstrap
var placeholder []byte

type functionProps struct {
	id, name, role, about, logs string
	memory, timeout             int
	reserved                    int // -1 for none
	env                         obj
}

// function makes a Lambda function with its alias. Its code is the placeholder
// as far as the stack knows: the bytes never change, so CloudFormation never
// writes code after the creation. The alias begins at $LATEST for the same
// reason: a version made by the stack would move with every setting.
func function(stack awscdk.Stack, p functionProps) (awslambda.CfnFunction, awslambda.CfnAlias) {
	code := stack.Node().TryFindChild(str("Placeholder"))
	if code == nil {
		code = awss3assets.NewAsset(stack, str("Placeholder"), &awss3assets.AssetProps{Path: str(placeholderDir())})
	}
	asset := code.(awss3assets.Asset)
	props := &awslambda.CfnFunctionProps{
		FunctionName: str(p.name), Description: str(p.about), Role: str(p.role), Runtime: str("provided.al2023"), Handler: str("bootstrap"),
		Architectures: strs("arm64"), MemorySize: num(p.memory), Timeout: num(p.timeout), Environment: obj{"variables": p.env},
		Code: &awslambda.CfnFunction_CodeProperty{S3Bucket: asset.S3BucketName(), S3Key: asset.S3ObjectKey()},
		// The program writes JSON lines, metrics among them, that must arrive as they are.
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{LogFormat: str("Text"), LogGroup: str(p.logs)},
	}
	if p.reserved >= 0 {
		props.ReservedConcurrentExecutions = num(p.reserved)
	}
	f := awslambda.NewCfnFunction(stack, str(p.id), props)
	alias := awslambda.NewCfnAlias(stack, str(p.id+"Live"), &awslambda.CfnAliasProps{
		FunctionName: f.Ref(), Name: str(LiveAlias), FunctionVersion: str("$LATEST"), Description: str("What callers call; moved by the deploy of the code"),
	})
	return f, alias
}

// placeholderDir writes the embedded placeholder to a folder of its own, so
// that the asset depends on nothing but these bytes and their mode.
func placeholderDir() string {
	dir, err := os.MkdirTemp("", "cityflow-placeholder-")
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), placeholder, 0o755); err != nil {
		panic(err)
	}
	if err := os.Chmod(filepath.Join(dir, "bootstrap"), 0o755); err != nil {
		panic(err)
	}
	return dir
}
