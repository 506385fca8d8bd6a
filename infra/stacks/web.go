package stacks

import (
	_ "embed"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfront"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudfrontorigins"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/malikobaid/cityflow/infra/config"
)

//go:embed functions/viewer.js
var viewerSource string

//go:embed functions/files.js
var filesSource string

// ViewerFunction is the code at the viewer of the page, for this config.
func ViewerFunction(c *config.Config) string {
	return strings.NewReplacer("__SITE_HOST__", c.Domain.Site, "__OLD_HOST__", c.Domain.Old).Replace(viewerSource)
}

// FilesFunction is the code at the viewer of /files/* and /tiles/*.
func FilesFunction() string { return filesSource }

// SiteHosts are the names that the distribution answers to.
func SiteHosts(c *config.Config) []string {
	if c.Domain.Old == "" {
		return []string{c.Domain.Site}
	}
	return []string{c.Domain.Site, c.Domain.Old}
}

// certificate is one that was given, or one that proves itself through the
// zone.
func certificate(stack awscdk.Stack, c *config.Config, id, given string, hosts []string) awscertificatemanager.ICertificate {
	if given != "" {
		return awscertificatemanager.Certificate_FromCertificateArn(stack, str(id), str(given))
	}
	props := &awscertificatemanager.CertificateProps{
		DomainName: str(hosts[0]), Validation: awscertificatemanager.CertificateValidation_FromDns(zone(stack, c)),
	}
	if len(hosts) > 1 {
		props.SubjectAlternativeNames = strs(hosts[1:]...)
	}
	cert := awscertificatemanager.NewCertificate(stack, str(id), props)
	cert.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
	return cert
}

func zone(stack awscdk.Stack, c *config.Config) awsroute53.IHostedZone {
	return awsroute53.HostedZone_FromHostedZoneAttributes(stack, str("Zone"), &awsroute53.HostedZoneAttributes{
		HostedZoneId: str(c.Domain.ZoneID), ZoneName: str(c.Domain.Zone),
	})
}

// edge is what CloudFront wants in us-east-1 before it is made; nothing, when
// its certificate was given.
func edge(app constructs.Construct, c *config.Config) (awscdk.Stack, awscertificatemanager.ICertificate) {
	if c.Certificates.Site != "" {
		return nil, nil
	}
	stack := newStack(app, c, "edge", config.EdgeRegion, "certificate of the site", true)
	return stack, certificate(stack, c, "SiteCertificate", "", SiteHosts(c))
}

// web is the page: a private bucket behind CloudFront, the files of jobs under
// /files and basemaps under /tiles.
func web(app constructs.Construct, c *config.Config, cert awscertificatemanager.ICertificate) (awscdk.Stack, awscloudfront.Distribution) {
	stack := newStack(app, c, "web", c.Region, "the page and the files of jobs, through CloudFront", true)
	site := siteBucket(stack, c)
	if cert == nil {
		cert = certificate(stack, c, "SiteCertificate", c.Certificates.Site, nil)
	}
	// By name: CDK would otherwise write a bucket policy beside ours, and a
	// bucket has only one.
	named := func(id, name string) awss3.IBucket {
		return awss3.Bucket_FromBucketAttributes(stack, str(id), &awss3.BucketAttributes{BucketName: str(name), Region: str(c.Region)})
	}

	viewer := awscloudfront.NewFunction(stack, str("Viewer"), &awscloudfront.FunctionProps{
		FunctionName: str("cityflow-viewer"), Runtime: awscloudfront.FunctionRuntime_JS_2_0(), AutoPublish: yes,
		Comment: str("Redirects of / and of the old host"), Code: awscloudfront.FunctionCode_FromInline(str(ViewerFunction(c))),
	})
	strip := awscloudfront.NewFunction(stack, str("FilesPath"), &awscloudfront.FunctionProps{
		FunctionName: str("cityflow-files"), Runtime: awscloudfront.FunctionRuntime_JS_2_0(), AutoPublish: yes,
		Comment: str("Names of objects; lets only files of jobs and basemaps through"), Code: awscloudfront.FunctionCode_FromInline(str(FilesFunction())),
	})
	at := func(f awscloudfront.Function) *[]*awscloudfront.FunctionAssociation {
		return &[]*awscloudfront.FunctionAssociation{{EventType: awscloudfront.FunctionEventType_VIEWER_REQUEST, Function: f}}
	}
	origin := func(b awss3.IBucket, id string) awscloudfront.IOrigin {
		oac := awscloudfront.NewS3OriginAccessControl(stack, str(id+"Access"), &awscloudfront.S3OriginAccessControlProps{
			OriginAccessControlName: str("cityflow-" + strings.ToLower(id)), Signing: awscloudfront.Signing_SIGV4_ALWAYS(),
		})
		return awscloudfrontorigins.S3BucketOrigin_WithOriginAccessControl(b, &awscloudfrontorigins.S3BucketOriginWithOACProps{
			OriginAccessControl: oac,
		})
	}
	behaviour := func(o awscloudfront.IOrigin, f awscloudfront.Function, cache awscloudfront.CachePolicy, headers awscloudfront.ResponseHeadersPolicy) *awscloudfront.BehaviorOptions {
		return &awscloudfront.BehaviorOptions{
			Origin: o, FunctionAssociations: at(f), CachePolicy: cache, ResponseHeadersPolicy: headers, Compress: yes,
			ViewerProtocolPolicy: awscloudfront.ViewerProtocolPolicy_REDIRECT_TO_HTTPS,
			AllowedMethods:       awscloudfront.AllowedMethods_ALLOW_GET_HEAD(), CachedMethods: awscloudfront.CachedMethods_CACHE_GET_HEAD(),
		}
	}
	page := behaviour(origin(named("SiteByName", c.WebBucket()), "Page"), viewer, cachePolicy(stack, "Page", "Objects say how long they hold"), headersPolicy(stack, "Page", PagePolicy(c)))
	job := behaviour(origin(named("FilesByName", c.Names.ArtifactsBucket), "Files"), strip, cachePolicy(stack, "Files", "Objects say how long they hold; silent ones a minute"), headersPolicy(stack, "Files", FilesPolicy))

	props := &awscloudfront.DistributionProps{
		Comment: str("CityFlow"), DefaultBehavior: page, AdditionalBehaviors: &map[string]*awscloudfront.BehaviorOptions{"/files/*": job, "/tiles/*": job},
		HttpVersion: awscloudfront.HttpVersion_HTTP2_AND_3, EnableIpv6: yes, PriceClass: priceClasses[c.Web.PriceClass],
		MinimumProtocolVersion: awscloudfront.SecurityPolicyProtocol_TLS_V1_2_2021, Certificate: cert,
		PublishAdditionalMetrics: jsii.Bool(c.Observability.CacheMetrics),
		// S3 answers 403 for what is not there, as listing is forbidden.
		ErrorResponses: &[]*awscloudfront.ErrorResponse{
			{HttpStatus: num(403), ResponseHttpStatus: num(404), ResponsePagePath: str("/web/404.html"), Ttl: seconds(10)},
			{HttpStatus: num(404), ResponseHttpStatus: num(404), ResponsePagePath: str("/web/404.html"), Ttl: seconds(10)},
		},
	}
	if c.Web.Aliases {
		props.DomainNames = strs(SiteHosts(c)...)
	}
	d := awscloudfront.NewDistribution(stack, str("Distribution"), props)
	d.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN)
	awscdk.Annotations_Of(d).AcknowledgeWarning(str("@aws-cdk/aws-cloudfront-origins:updateImportedBucketPolicyOac"), str("both policies are made below"))
	accept(d, "AwsSolutions-CFR1", "Cities are studied from anywhere: no country is shut out.")
	accept(d, "AwsSolutions-CFR2", "A firewall costs more a month than everything else; the page is static, the API has limits of its own.")
	accept(d, "AwsSolutions-CFR3", "Access logs are standard logs of the second version: the delivery to S3 is in the edge-observability stack.")

	policies(stack, c, site, d)
	logsBucket(stack, c)
	parameter(stack, c, "WebBucketParameter", "web-bucket", c.WebBucket(), "Bucket of the page")
	parameter(stack, c, "DistributionParameter", "distribution", *d.DistributionId(), "Id of the CloudFront distribution")
	awscdk.NewCfnOutput(stack, str("DistributionDomain"), &awscdk.CfnOutputProps{Value: d.DistributionDomainName(), Description: str("The site before its name points here")})
	return stack, d
}

var priceClasses = map[string]awscloudfront.PriceClass{
	"PriceClass_100": awscloudfront.PriceClass_PRICE_CLASS_100, "PriceClass_200": awscloudfront.PriceClass_PRICE_CLASS_200, "PriceClass_All": awscloudfront.PriceClass_PRICE_CLASS_ALL,
}

func siteBucket(stack awscdk.Stack, c *config.Config) awss3.IBucket {
	if c.Existing.WebBucket != "" {
		return awss3.Bucket_FromBucketAttributes(stack, str("Site"), &awss3.BucketAttributes{BucketName: str(c.WebBucket()), Region: str(c.Region)})
	}
	b := bucket(stack, "Site", c.WebBucket(), true,
		&awss3.LifecycleRule{Id: str("broken-uploads"), AbortIncompleteMultipartUploadAfter: days(2)},
		// Long enough to roll back to an earlier page.
		&awss3.LifecycleRule{Id: str("old-versions"), NoncurrentVersionExpiration: days(30), ExpiredObjectDeleteMarker: yes})
	accept(b, "AwsSolutions-S1", "The only reader is CloudFront, whose access log is kept.")
	accept(b, "AwsSolutions-S10", "The policy beside it refuses requests without TLS.")
	return b
}

// policies open the buckets to this one distribution: the page whole, of the
// artifacts only the files of jobs and the basemaps.
func policies(stack awscdk.Stack, c *config.Config, site awss3.IBucket, d awscloudfront.Distribution) {
	through := obj{"StringEquals": obj{"AWS:SourceArn": "arn:aws:cloudfront::" + c.Account + ":distribution/" + *d.DistributionId()}}
	read := func(sid string, resources ...string) statement {
		return statement{sid: sid, service: "cloudfront.amazonaws.com", actions: []string{"s3:GetObject"}, resources: resources, conditions: through}
	}
	bucketPolicy(stack, "SitePolicy", c.WebBucket(), site, read("ReadThroughCloudFront", "arn:aws:s3:::"+c.WebBucket()+"/*"))
	bucketPolicy(stack, "FilesPolicy", c.Names.ArtifactsBucket, nil, read("ReadJobsThroughCloudFront", "arn:aws:s3:::"+c.Names.ArtifactsBucket+"/jobs/*",
		"arn:aws:s3:::"+c.Names.ArtifactsBucket+"/cities/*/basemap.pmtiles"))
}

// logsBucket takes access logs and the answers of Athena.
func logsBucket(stack awscdk.Stack, c *config.Config) {
	b := bucket(stack, "Logs", c.Names.LogsBucket, false,
		&awss3.LifecycleRule{Id: str("access-logs"), Prefix: str("AWSLogs/"), Expiration: days(c.Observability.AccessLogDays)},
		&awss3.LifecycleRule{Id: str("answers"), Prefix: str("athena/"), Expiration: days(7)},
		&awss3.LifecycleRule{Id: str("broken-uploads"), AbortIncompleteMultipartUploadAfter: days(2)})
	accept(b, "AwsSolutions-S1", "This is where the log goes.")
	accept(b, "AwsSolutions-S10", "The policy beside it refuses requests without TLS.")
	bucketPolicy(stack, "LogsPolicy", c.Names.LogsBucket, b, statement{
		sid: "LogDelivery", service: "delivery.logs.amazonaws.com", actions: []string{"s3:PutObject"},
		resources: []string{"arn:aws:s3:::" + c.Names.LogsBucket + "/AWSLogs/" + c.Account + "/CloudFront/*"},
		conditions: obj{
			"StringEquals": obj{"aws:SourceAccount": c.Account, "s3:x-amz-acl": "bucket-owner-full-control"},
			"ArnLike":      obj{"aws:SourceArn": "arn:aws:logs:" + config.EdgeRegion + ":" + c.Account + ":delivery-source:*"},
		},
	})
}

// cachePolicy obeys the Cache-Control of the objects, between nothing and a
// year; what says nothing holds for a minute.
func cachePolicy(stack awscdk.Stack, id, about string) awscloudfront.CachePolicy {
	props := &awscloudfront.CachePolicyProps{
		CachePolicyName: str("cityflow-" + strings.ToLower(id)), Comment: str(about),
		MinTtl: seconds(0), DefaultTtl: seconds(60), MaxTtl: days(365), EnableAcceptEncodingBrotli: yes, EnableAcceptEncodingGzip: yes,
		CookieBehavior: awscloudfront.CacheCookieBehavior_None(), QueryStringBehavior: awscloudfront.CacheQueryStringBehavior_None(),
		HeaderBehavior: awscloudfront.CacheHeaderBehavior_None(),
	}
	return awscloudfront.NewCachePolicy(stack, str(id+"Cache"), props)
}

// PagePolicy is the content security policy of the page: its own files, its
// API and, where visits are measured, who gives a guest's credentials and who
// takes the reports. The enhanced flow of the pool needs no address of STS.
func PagePolicy(c *config.Config) string {
	connect := "connect-src 'self' " + c.APIURL()
	if c.RUM() {
		connect += " " + c.RUMEndpoint() + " https://cognito-identity." + c.Region + ".amazonaws.com"
	}
	return "default-src 'self'; script-src 'self'; worker-src 'self'; img-src 'self' data: blob:; style-src 'self'; " + connect + "; " +
		"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
}

// FilesPolicy is that of the files of jobs: report.html shows itself and does
// nothing else. The same words as in internal/httpapi/files.go.
const FilesPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"

func headersPolicy(stack awscdk.Stack, id, csp string) awscloudfront.ResponseHeadersPolicy {
	frame := awscloudfront.HeadersFrameOption_DENY
	if id == "Files" {
		frame = awscloudfront.HeadersFrameOption_SAMEORIGIN
	}
	return awscloudfront.NewResponseHeadersPolicy(stack, str(id+"Headers"), &awscloudfront.ResponseHeadersPolicyProps{
		ResponseHeadersPolicyName: str("cityflow-" + strings.ToLower(id)),
		SecurityHeadersBehavior: &awscloudfront.ResponseSecurityHeadersBehavior{
			ContentSecurityPolicy:   &awscloudfront.ResponseHeadersContentSecurityPolicy{ContentSecurityPolicy: str(csp), Override: yes},
			ContentTypeOptions:      &awscloudfront.ResponseHeadersContentTypeOptions{Override: yes},
			FrameOptions:            &awscloudfront.ResponseHeadersFrameOptions{FrameOption: frame, Override: yes},
			ReferrerPolicy:          &awscloudfront.ResponseHeadersReferrerPolicy{ReferrerPolicy: awscloudfront.HeadersReferrerPolicy_NO_REFERRER, Override: yes},
			StrictTransportSecurity: &awscloudfront.ResponseHeadersStrictTransportSecurity{AccessControlMaxAge: days(365), IncludeSubdomains: no, Override: yes},
		},
		CustomHeadersBehavior: &awscloudfront.ResponseCustomHeadersBehavior{CustomHeaders: &[]*awscloudfront.ResponseCustomHeader{
			{Header: str("Cross-Origin-Opener-Policy"), Value: str("same-origin"), Override: yes},
			{Header: str("Permissions-Policy"), Value: str("camera=(), microphone=(), geolocation=()"), Override: yes},
		}},
	})
}
