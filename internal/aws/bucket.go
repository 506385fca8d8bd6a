package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// OpenBucket opens the store that an address such as
//
//	s3://bucket?region=eu-west-2
//	s3://bucket?endpoint=https://minio.example:9000&use_path_style=true&region=any
//
// names. The parameters are those of gocloud.dev's s3blob (region, endpoint,
// use_path_style, profile, ssetype, kmskeyid, dualstack, anonymous,
// request_checksum_calculation ...) and prefix: with prefix=a/ all keys lie
// below "a/". Unknown parameters are refused.
//
// One request asks whether the bucket is there, so that a wrong name is told at
// the start. The role needs ListBucket besides reading and writing objects:
// without it a missing object looks like a forbidden one.
func OpenBucket(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	where := "store s3://" + u.Host
	if u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return nil, fmt.Errorf("store %s: want s3://bucket, and a folder in it as ?prefix=folder/", u.Redacted())
	}
	plain := *u
	q := plain.Query()
	prefix := q.Get("prefix")
	q.Del("prefix")
	plain.RawQuery = q.Encode()

	opener := &s3blob.URLOpener{}
	first, err := opener.OpenBucketURL(ctx, &plain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	defer first.Close()
	var dialled *s3.Client
	if !first.As(&dialled) {
		return nil, fmt.Errorf("%s: the driver has no S3 client", where)
	}
	// The same client with our timeouts, tries and errors.
	o := dialled.Options()
	o.HTTPClient = client
	o.Retryer = bounded(o.Retryer)
	o.DisableLogOutputChecksumValidationSkipped = true // multipart objects have none to compare
	o.APIOptions = append(o.APIOptions, plainErrors)
	bucket := s3.New(o)
	if _, err := bucket.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &u.Host}); err != nil {
		return nil, fmt.Errorf("%s: is the bucket there, and may we list it? %w", where, err)
	}
	b, err := s3blob.OpenBucket(ctx, bucket, u.Host, &opener.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if prefix != "" {
		b = blob.PrefixedBucket(b, prefix)
	}
	return b, nil
}

// plainErrors makes "not found" mean that an object is not there, and nothing
// else. The driver takes any error whose text holds "301" (a port, a request
// id, a run key) and a missing or moved bucket for a missing object, too; a
// worker that believed that would bury a good job for want of its config.
func plainErrors(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("CityFlowPlainErrors",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, md, err := next.HandleInitialize(ctx, in)
			if err != nil {
				err = plainError(err)
			}
			return out, md, err
		}), middleware.Before)
}

// storeError has the text of an error without the digits that mislead.
type storeError struct {
	error
	text string
}

func (e *storeError) Error() string { return e.text }
func (e *storeError) Unwrap() error { return e.error }

// bucketError says that there is no such bucket where we look. It does not
// unwrap: nobody shall find the original's code.
type bucketError struct{ text string }

func (e *bucketError) Error() string                 { return e.text }
func (e *bucketError) ErrorCode() string             { return "BucketUnavailable" }
func (e *bucketError) ErrorMessage() string          { return e.text }
func (e *bucketError) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

func plainError(err error) error {
	text := strings.ReplaceAll(err.Error(), "301", "30_1")
	var api smithy.APIError
	var answer *smithyhttp.ResponseError
	if errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket" ||
		errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusMovedPermanently {
		return &bucketError{"the bucket is not there, or in another region: " + text}
	}
	if text == err.Error() {
		return err
	}
	return &storeError{err, text}
}
