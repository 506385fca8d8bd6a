package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/malikobaid/cityflow/infra/config"
)

// Stage is the one stage of the HTTP API.
const Stage = "prod"

// api is the HTTP API with the public Lambda behind it. It returns the id of
// the API and the target of its domain name.
func api(app constructs.Construct, c *config.Config) (stack awscdk.Stack, id string, target awsapigatewayv2.CfnDomainName) {
	stack = newStack(app, c, "api", c.Region, "the HTTP API and its function", true)
	live := apiFunction(stack, c)

	h := awsapigatewayv2.NewCfnApi(stack, str("Api"), &awsapigatewayv2.CfnApiProps{
		Name: str("cityflow"), ProtocolType: str("HTTP"), IpAddressType: str("dualstack"), Description: str("CityFlow"), DisableExecuteApiEndpoint: no,
		// The one place for it on AWS: the gateway answers preflights itself
		// and replaces what the function says.
		CorsConfiguration: &awsapigatewayv2.CfnApi_CorsProperty{
			AllowOrigins: strs(c.SiteURL()), AllowMethods: strs("GET", "POST", "HEAD"), MaxAge: num(3600),
			AllowHeaders:  strs("authorization", "content-type", "idempotency-key", "if-none-match", "range", "x-request-id"),
			ExposeHeaders: strs("accept-ranges", "content-range", "etag", "location", "retry-after", "x-request-id"),
		},
	})
	integration := awsapigatewayv2.NewCfnIntegration(stack, str("Integration"), &awsapigatewayv2.CfnIntegrationProps{
		ApiId: h.Ref(), IntegrationType: str("AWS_PROXY"), IntegrationUri: live.Ref(), PayloadFormatVersion: str("2.0"), TimeoutInMillis: num(1000 * (c.API.TimeoutSeconds + 1)),
	})
	target0 := "integrations/" + *integration.Ref()
	submit := "POST /v1/submit"
	var routes []awsapigatewayv2.CfnRoute
	for _, r := range [][2]string{{"Default", "$default"}, {"Submit", submit}} {
		route := awsapigatewayv2.NewCfnRoute(stack, str(r[0]+"Route"), &awsapigatewayv2.CfnRouteProps{
			ApiId: h.Ref(), RouteKey: str(r[1]), Target: str(target0), AuthorizationType: str("NONE"),
		})
		accept(route, "AwsSolutions-APIG4", "Open to everybody on purpose: the page has no accounts. Tokens, where demanded, are checked by the function; limits are set here and there.")
		routes = append(routes, route)
	}
	logs := logGroup(stack, c, "AccessLogs", "/cityflow/"+c.Environment+"/api-access")
	stage := awsapigatewayv2.NewCfnStage(stack, str("Stage"), &awsapigatewayv2.CfnStageProps{
		ApiId: h.Ref(), StageName: str(Stage), AutoDeploy: yes,
		DefaultRouteSettings: obj{"throttlingRateLimit": c.API.RatePerSecond, "throttlingBurstLimit": c.API.Burst, "detailedMetricsEnabled": false},
		RouteSettings:        obj{submit: obj{"ThrottlingRateLimit": c.API.SubmitPerSecond, "ThrottlingBurstLimit": c.API.SubmitBurst}},
		// No query and no body: neither is anybody's business later on.
		AccessLogSettings: obj{"destinationArn": *logs.AttrArn(), "format": `{"time":"$context.requestTime","id":"$context.requestId","route":"$context.routeKey","status":"$context.status","bytes":"$context.responseLength","ms":"$context.responseLatency","function_ms":"$context.integrationLatency","error":"$context.integrationErrorMessage"}`},
	})
	for _, r := range routes {
		stage.AddResourceDependency(r, nil)
	}
	awslambda.NewCfnPermission(stack, str("Invoke"), &awslambda.CfnPermissionProps{
		Action: str("lambda:InvokeFunction"), FunctionName: live.Ref(), Principal: str("apigateway.amazonaws.com"),
		SourceArn: str(arn(c, "execute-api", *h.Ref()+"/*")),
	})

	cert := certificate(stack, c, "ApiCertificate", c.Certificates.API, []string{c.Domain.API})
	name := awsapigatewayv2.NewCfnDomainName(stack, str("Domain"), &awsapigatewayv2.CfnDomainNameProps{
		DomainName: str(c.Domain.API), DomainNameConfigurations: list{&awsapigatewayv2.CfnDomainName_DomainNameConfigurationProperty{
			CertificateArn: cert.CertificateArn(), EndpointType: str("REGIONAL"), IpAddressType: str("dualstack"), SecurityPolicy: str("TLS_1_2"),
		}},
	})
	awsapigatewayv2.NewCfnApiMapping(stack, str("Mapping"), &awsapigatewayv2.CfnApiMappingProps{
		ApiId: h.Ref(), DomainName: name.Ref(), Stage: stage.Ref(),
	})
	awscdk.NewCfnOutput(stack, str("ApiAddress"), &awscdk.CfnOutputProps{Value: str(*h.AttrApiEndpoint() + "/" + Stage), Description: str("The API before its name points here")})
	return stack, *h.Ref(), name
}

// apiFunction is the public Lambda: it stores and enqueues, and may neither
// start tasks nor hand out roles.
func apiFunction(stack awscdk.Stack, c *config.Config) awslambda.CfnAlias {
	s3 := "arn:aws:s3:::" + c.Names.ArtifactsBucket
	secrets := []string{"secret"}
	env := obj{
		"CITYFLOW_STORE": storeURL(c), "CITYFLOW_QUEUE": queueURL(c), "CITYFLOW_LEASE": lease(c), "CITYFLOW_LOG_LEVEL": "info",
		// No CITYFLOW_ORIGINS: the gateway in front answers for other origins.
		"CITYFLOW_FILES_BASE": c.SiteURL() + "/files", "CITYFLOW_STAGE": Stage,
		"CITYFLOW_SECRET_PARAMETER": c.Parameter("secret"), "CITYFLOW_RECONCILER": c.Names.Reconciler + ":" + LiveAlias,
		"CITYFLOW_MAX_AGENTS": fmt.Sprint(c.API.MaxAgents), "CITYFLOW_MAX_REPLICATIONS": fmt.Sprint(c.API.MaxReplications),
		"CITYFLOW_RATE_SUBMIT": c.API.RateSubmit, "CITYFLOW_RATE_READ": c.API.RateRead,
		"CITYFLOW_TASK_SECONDS_PER_DAY": fmt.Sprint(c.Jobs.TaskSecondsPerDay), "CITYFLOW_PRIVATE": fmt.Sprint(c.API.Private),
	}
	if c.API.Tokens {
		env["CITYFLOW_TOKEN_HASHES_PARAMETER"] = c.Parameter("token-hashes")
		secrets = append(secrets, "token-hashes")
	}
	if c.API.OpenAI {
		// CloudFormation cannot put a SecureString into a variable: the
		// function reads the parameter when it starts.
		env["OPENAI_API_KEY_PARAMETER"] = c.Parameter("openai-api-key")
		secrets = append(secrets, "openai-api-key")
		if c.API.OpenAIModel != "" {
			env["OPENAI_MODEL"] = c.API.OpenAIModel
		}
		if c.API.OpenAIBaseURL != "" {
			env["OPENAI_BASE_URL"] = c.API.OpenAIBaseURL
		}
	}
	r := role(stack, "ApiRole", c.Names.Function, "lambda.amazonaws.com", "What the public API may do", nil,
		statement{sid: "Logs", actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, resources: []string{arn(c, "logs", "log-group:/aws/lambda/"+c.Names.Function+":*")}},
		statement{sid: "Read", actions: []string{"s3:GetObject"}, resources: []string{s3 + "/jobs/*", s3 + "/runs/*", s3 + "/cities/*", s3 + "/pending/*", s3 + "/spend/*"}},
		statement{sid: "Write", actions: []string{"s3:PutObject"}, resources: []string{s3 + "/jobs/*", s3 + "/pending/*", s3 + "/spend/*/model-*"}},
		// Calls of the language model are counted as objects of the day.
		statement{sid: "Clear", actions: []string{"s3:DeleteObject"}, resources: []string{s3 + "/pending/*", s3 + "/spend/*/model-*"}},
		statement{sid: "List", actions: []string{"s3:ListBucket"}, resources: []string{s3}},
		statement{sid: "Enqueue", actions: []string{"sqs:SendMessage", "sqs:GetQueueAttributes"}, resources: []string{arn(c, "sqs", c.Names.Queue)}},
		statement{sid: "Depth", actions: []string{"sqs:GetQueueAttributes"}, resources: []string{arn(c, "sqs", c.Names.DeadLetters)}},
		statement{sid: "Secrets", actions: []string{"ssm:GetParameter"}, resources: parameters(c, secrets...)},
		statement{sid: "Wake", actions: []string{"lambda:InvokeFunction"}, resources: []string{arn(c, "lambda", "function:"+c.Names.Reconciler+":"+LiveAlias)}},
	)
	accept(r, "AwsSolutions-IAM5", "Objects and log streams get their names when they are made; the prefixes are the limit.")
	logs := logGroup(stack, c, "Logs", "/aws/lambda/"+c.Names.Function)
	_, live := function(stack, functionProps{id: "Function", name: c.Names.Function, role: *r.AttrArn(), memory: c.API.MemoryMB, timeout: c.API.TimeoutSeconds,
		reserved: -1, env: env, logs: *logs.Ref(), about: "The public API of CityFlow"})
	return live
}
