# Stands in for the scrip of older installations: it tells the webhook an asset's id and nothing more.
# (Request Tracker 5 runs scrips on tickets only, so the scrip itself cannot run here.)
package RT::Asset;
use strict; use warnings; no warnings 'redefine';
use JSON (); use LWP::UserAgent;

sub _tell_webhook {
    my $self = shift;
    my @auth = $ENV{RT_TEST_WEBHOOK_TOKEN} ? (Authorization => "Bearer $ENV{RT_TEST_WEBHOOK_TOKEN}") : ();
    my $response = LWP::UserAgent->new(timeout => 10)->post(
        $ENV{RT_TEST_WEBHOOK_URL}, @auth, 'Content-Type' => 'application/json',
        Content => JSON::encode_json({ asset_id => $self->Id, event => 'create', timestamp => time() }));
    my $tag = eval { JSON::decode_json($response->decoded_content)->{asset_tag} };
    $self->SetName($tag) if $response->is_success and $tag and $self->Name ne $tag;
}

if (($ENV{RT_TEST_WEBHOOK_STAGE} // '') eq 'after') {
    my $create = RT::Asset->can('Create');
    *RT::Asset::Create = sub {
        my $self = shift;
        my @result = $create->($self, @_);
        $self->_tell_webhook if $result[0];
        return wantarray ? @result : $result[0];
    };
}
else {
    my $new_transaction = RT::Asset->can('_NewTransaction');
    *RT::Asset::_NewTransaction = sub {
        my ($self, %args) = @_;
        my @result = $new_transaction->($self, %args);
        $self->_tell_webhook if ($args{Type} // '') eq 'Create';
        return @result;
    };
}
1;
