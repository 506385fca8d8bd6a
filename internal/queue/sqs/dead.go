package sqs

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/malikobaid/cityflow/internal/queue"
)

const (
	// reading is how long letters that are being read are hidden at most, should
	// the reader die.
	reading = 10 * time.Second
	// batch is the most that SQS gives and takes at once.
	batch = 10
)

// gaveUp is the reason of letters that SQS moved by itself.
const gaveUp = "SQS gave the message up: it was handed out too often without an end"

// Dead implements queue.DeadLetters. Letters are read by leasing them for a
// moment and giving them back, so two readers at once each see a part.
func (q *Queue) Dead(ctx context.Context, limit int) ([]queue.DeadLetter, error) {
	if q.closed.Err() != nil {
		return nil, queue.ErrClosed
	}
	var out []queue.DeadLetter
	var receipts []string
	defer func() { q.showAgain(context.WithoutCancel(ctx), receipts) }()
	for len(out) < limit {
		got, err := q.client.ReceiveMessage(ctx, &sdk.ReceiveMessageInput{
			QueueUrl: &q.dead, MaxNumberOfMessages: int32(min(batch, limit-len(out))), VisibilityTimeout: whole(reading),
			WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp},
		})
		if err != nil {
			return nil, fmt.Errorf("queue: dead letters: %w", err)
		}
		if len(got.Messages) == 0 {
			break
		}
		for _, m := range got.Messages {
			receipts = append(receipts, aws.ToString(m.ReceiptHandle))
			out = append(out, letter(m))
		}
	}
	return out, nil
}

func letter(m types.Message) queue.DeadLetter {
	d := queue.DeadLetter{ID: idOf(m), Key: aws.ToString(m.MessageId), Body: []byte(aws.ToString(m.Body)), Reason: gaveUp}
	if a, ok := m.MessageAttributes[reasonAttribute]; ok {
		d.Reason = aws.ToString(a.StringValue)
		// A message that SQS moved keeps the time of its first sending.
		if ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
			d.Buried = time.UnixMilli(ms).UTC()
		}
	}
	if a, ok := m.MessageAttributes[attemptAttribute]; ok {
		d.Attempt, _ = strconv.Atoi(aws.ToString(a.StringValue))
	}
	return d
}

// showAgain ends the reader's leases. What fails here comes back by itself.
func (q *Queue) showAgain(ctx context.Context, receipts []string) {
	ctx, cancel := context.WithTimeout(ctx, reading)
	defer cancel()
	for len(receipts) > 0 {
		n := min(batch, len(receipts))
		in := &sdk.ChangeMessageVisibilityBatchInput{QueueUrl: &q.dead}
		for i, r := range receipts[:n] {
			in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(r)})
		}
		_, _ = q.client.ChangeMessageVisibilityBatch(ctx, in)
		receipts = receipts[n:]
	}
}
